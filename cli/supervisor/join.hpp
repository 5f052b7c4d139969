#pragma once
// New replicas of a node come to those that run. Pure, like Process: what happened and the time go in, what to do about it comes out.
//
//   start    the new ones start; what they share with others (a queue, a stream, a topic) gives them work from their first moment on
//   rewire   all are ready: whoever has direct channels to the node is told that they are there, too
//   stop     one of them did not get ready in time: all of them end again, and nobody was told
//
// Who is told answers; one that does not within its time will have read it by its next start at the latest, and is named.

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "common/clock.hpp"

namespace remuda::supervisor {

/// What the supervisor has to do.
struct JoinAction {
  enum class Kind {
    start,
    rewire,  ///< the new wiring is in force; told() says who runs and is told of it
    stop,
    kill,  ///< at once
  };
  Kind kind = Kind::start;
  std::set<std::size_t> processes;  ///< the new ones; of `kill` those that still run
  friend bool operator==(const JoinAction&, const JoinAction&) = default;
};
std::ostream& operator<<(std::ostream& out, JoinAction::Kind kind);
std::ostream& operator<<(std::ostream& out, const JoinAction& action);
using JoinActions = std::vector<JoinAction>;

struct JoinOptions {
  std::set<std::size_t> processes;  ///< the new ones
  std::chrono::milliseconds ready_time{};
  std::chrono::milliseconds rewire_time{};
  std::chrono::milliseconds withdraw_time{1'000};  ///< new ones that are stopped may take so long to end
};

class Join {
 public:
  enum class Phase { starting, rewiring, withdrawing, over };
  enum class Outcome {
    joined,
    undone,  ///< one did not get ready; all have ended again
  };

  explicit Join(JoinOptions options) : options_{std::move(options)} {}

  // What happened. Each returns what to do now.
  JoinActions begin(Instant now);
  JoinActions ready(std::size_t process, Instant now);
  /// Who runs and was told of the new wiring.
  JoinActions told(std::set<std::size_t> neighbours, Instant now);
  /// It follows the new wiring: it said so, or began with it.
  JoinActions rewired(std::size_t process, Instant now);
  JoinActions ended(std::size_t process, const std::string& how, Instant now);
  JoinActions tick(Instant now);
  /// Everything is to be stopped.
  JoinActions abandon(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const { return deadline_; }

  // How it is.
  [[nodiscard]] const std::set<std::size_t>& processes() const { return options_.processes; }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool is_over() const { return phase_ == Phase::over; }
  /// Once it is over.
  [[nodiscard]] Outcome outcome() const { return outcome_; }
  /// Whom the end concerns: who was not ready in time, or has not said that it was rewired.
  [[nodiscard]] const std::set<std::size_t>& waited_for() const { return waited_for_; }
  /// Why it was undone, or what was wrong with it all the same; empty: nothing.
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  JoinActions withdraw(std::string why, Instant now);
  JoinActions end(Outcome outcome);

  // Constant after construction.
  JoinOptions options_;

  Phase phase_ = Phase::over;
  Outcome outcome_ = Outcome::undone;
  std::set<std::size_t> missing_;  ///< whose word is waited for
  std::set<std::size_t> running_;  ///< of the new ones
  std::set<std::size_t> waited_for_;
  std::string why_;
  std::optional<Instant> deadline_;
};
std::ostream& operator<<(std::ostream& out, Join::Outcome outcome);

}  // namespace remuda::supervisor
