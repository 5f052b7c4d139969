#pragma once
// One process is exchanged for a new one of the same node, or leaves for good, while everything around it runs, and nothing that is
// on its way is lost. Pure, like Process: what happened and the time go in, what to do about it comes out.
//
//   hold       who sends or asks over direct channels holds back, and says how far it has sent
//   await      the old one says when all of that has come and was given to its handler
//   finish     the old one takes nothing more, settles what it has begun, gives the rest back, and says how far it has sent
//   deliver    who receives from it says when all of that has come
//   run        the old one ends; then, for endpoints and stores have one owner at a time, the new one is started
//   resume     the new one is ready: who held back goes on, to the new one
//
// Where no new one comes, `leave` stands for `run`: who sends to it is told that it is none of the others any more, and it ends.
//
// Until `finish` nothing has changed, so a barrier that does not stand in time is taken back and the old one goes on. A new one that
// ends before it is ready, or is not ready in time, is replaced by the old program; who holds back goes on holding until then.

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "common/control.hpp"

namespace remuda::supervisor {

/// What the supervisor has to do.
struct SwapAction {
  enum class Kind {
    hold,     ///< tell `process` to hold
    await,    ///< tell the old one to say when everything that was sent has come
    finish,   ///< tell the old one to finish
    deliver,  ///< tell `process` to say when everything that the old one has sent has come
    run_new,  ///< end what runs; then start the new program
    leave,    ///< end what runs, and let nobody send there
    run_old,  ///< end what runs; then start the old program
    kill,     ///< end what runs at once
    resume,   ///< tell `process` to go on
  };
  Kind kind = Kind::hold;
  std::size_t process = 0;
  friend bool operator==(const SwapAction&, const SwapAction&) = default;
};
std::ostream& operator<<(std::ostream& out, SwapAction::Kind kind);
std::ostream& operator<<(std::ostream& out, const SwapAction& action);
using SwapActions = std::vector<SwapAction>;

struct SwapOptions {
  std::size_t process = 0;                         ///< to be swapped
  bool leaves = false;                             ///< no new one takes its place
  bool old_runs = true;                            ///< there is something to end
  bool old_works = true;                           ///< it is ready: something to be careful with
  std::set<std::size_t> senders = {};              ///< whether they run or not
  std::set<std::size_t> receivers = {};            ///< that run
  std::set<std::size_t> running = {};              ///< of the senders
  std::chrono::milliseconds barrier_time{};        ///< for hold and await; and, once more, for finish
  std::chrono::milliseconds deliver_time{};        ///< for those who receive from it
  std::chrono::milliseconds ready_time{};          ///< for the new one, and for the old one if it has to come back
  std::chrono::milliseconds withdraw_time{1'000};  ///< a new one that is not ready may take so long to end
};

class Swap {
 public:
  enum class Phase { holding, awaiting, finishing, delivering, ending, starting, withdrawing, returning, over };
  enum class Outcome {
    swapped,      ///< the new one is ready
    left,         ///< it has ended, as it should
    unchanged,    ///< the old one was not touched
    rolled_back,  ///< the new one did not get ready, the old program runs again
    failed,       ///< neither does: the supervisor goes on trying the old one
  };

  explicit Swap(SwapOptions options) : options_{std::move(options)} {}

  // What happened. Each returns what to do now.
  SwapActions begin(Instant now);
  SwapActions held(std::size_t process, const std::vector<SentUpTo>& sent, Instant now);
  SwapActions arrived(std::size_t process, std::uint64_t missing, Instant now);
  SwapActions ready(std::size_t process, Instant now);
  /// It ended, or could not be started: `how`. `well`: with success.
  SwapActions ended(std::size_t process, bool well, const std::string& how, Instant now);
  /// A process runs anew and can be told something.
  SwapActions greeted(std::size_t process, Instant now);
  SwapActions tick(Instant now);
  /// Everything is to be stopped.
  SwapActions abandon(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const { return deadline_; }

  // How it is.
  [[nodiscard]] std::size_t process() const { return options_.process; }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool is_over() const { return phase_ == Phase::over; }
  /// Once it is over.
  [[nodiscard]] Outcome outcome() const { return outcome_; }
  /// Why it is no success, or what was wrong with it all the same; empty: nothing.
  [[nodiscard]] const std::string& why() const { return why_; }
  /// Whom `unchanged` was waiting for; empty when for the old one itself.
  [[nodiscard]] const std::set<std::size_t>& waited_for() const { return waited_for_; }
  /// True when another process is at the swapped one's endpoints now.
  [[nodiscard]] bool was_replaced() const { return replaced_; }
  /// What is to be awaited: by the old one from its senders, then by its receivers from it.
  [[nodiscard]] const std::vector<SentUpTo>& sent() const { return sent_; }
  /// For how long senders have been held, at `now` or when they were resumed.
  [[nodiscard]] Duration held_for(Instant now) const { return (resumed_at_ ? *resumed_at_ : now) - began_; }

 private:
  SwapActions await_old(Instant now);
  SwapActions finish_old(Instant now);
  SwapActions deliver(std::vector<SentUpTo> sent, Instant now);
  SwapActions run_new(Instant now);
  SwapActions run_new_at_once(Instant now);
  SwapActions old_is_gone(Instant now);
  SwapActions run_old(Instant now, const std::string& why);
  SwapActions end(Outcome outcome, Instant now);
  void note(const std::string& text);

  // Constant after construction.
  SwapOptions options_;

  Phase phase_ = Phase::over;
  Outcome outcome_ = Outcome::unchanged;
  std::string why_;
  std::optional<Instant> deadline_;
  std::set<std::size_t> holding_;  ///< told to hold and not resumed
  std::set<std::size_t> missing_;  ///< whose word is waited for
  std::set<std::size_t> waited_for_;
  std::vector<SentUpTo> sent_;
  bool replaced_ = false;
  Instant began_{};
  std::optional<Instant> resumed_at_;
};
std::ostream& operator<<(std::ostream& out, Swap::Phase phase);
std::ostream& operator<<(std::ostream& out, Swap::Outcome outcome);
[[nodiscard]] std::string_view name_of(Swap::Outcome outcome);

}  // namespace remuda::supervisor
