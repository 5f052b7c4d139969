#pragma once
// Carries out the moves that the engine remembers: chooses the next messages of each, evaluates its filter, keeps its pace. One
// page per move and turn, so that a big move holds up nobody.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/engine/queue_engine.hpp"
#include "common/filter/filter_policy.hpp"

namespace remuda::broker {

/// Which messages a move is about, as bytes that the engine keeps.
[[nodiscard]] std::string move_selection(std::string_view filter_policy, bool filter_on_attributes);
struct MoveSelection {
  std::string_view filter_policy;
  bool filter_on_attributes = false;
};
[[nodiscard]] MoveSelection parse_move_selection(std::string_view bytes);

class MoveRunner {
 public:
  /// Reads a stored message; empty when it is damaged.
  using ReadMessage = std::function<std::string_view(const MessageInfo&)>;

  /// Moves on with every move that runs. The answers in `effects` have nobody to go to.
  void run(QueueEngine& engine, Moment moment, const ReadMessage& read, Effects& effects);
  void wake() { next_ = Instant{}; }
  /// When run() has something to do again.
  [[nodiscard]] std::optional<Instant> next_deadline() const { return next_; }

 private:
  struct Pace {
    Instant since{};
    double allowed = 0;  ///< messages that may be moved now
    FilterPolicy policy;
    bool has_policy = false;
  };
  void run(const Move& move, Pace& pace, QueueEngine& engine, Moment moment, const ReadMessage& read, Effects& effects);
  void note(Instant deadline) {
    if (!next_ || deadline < *next_) next_ = deadline;
  }

  std::map<MoveId, Pace> paces_;
  std::optional<Instant> next_ = Instant{};  // the first run looks
};

}  // namespace remuda::broker
