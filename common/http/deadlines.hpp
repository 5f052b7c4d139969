#pragma once
// How long a connection may take for each phase of its life. Total deadlines, not gaps between bytes: a client that sends one
// byte per second is cut off all the same (slowloris). Pure: the present time comes in.

#include <chrono>
#include <optional>
#include <ostream>
#include <utility>

#include "common/clock.hpp"

namespace remuda::http {

struct Deadlines {
  std::chrono::milliseconds header{5'000};     ///< from a request's first byte (or from the connection) to the end of its header
  std::chrono::milliseconds request{10'000};   ///< from a request's first byte to the end of its body
  std::chrono::milliseconds idle{30'000};      ///< between an answer and the next request's first byte
  std::chrono::milliseconds handling{30'000};  ///< from the complete request to its answer; then 504
  std::chrono::milliseconds writing{10'000};   ///< for the client to take the whole answer
  std::chrono::milliseconds closing{2'000};    ///< for the client to close after a last answer
  std::chrono::milliseconds crowded{1'000};    ///< a request in arrival keeps its place at the connection cap for so long
};

enum class Phase { idle, header, body, handling, writing, closing };
std::ostream& operator<<(std::ostream& out, Phase phase);

class PhaseClock {
 public:
  /// A new connection owes a header: it is not idle.
  PhaseClock(const Deadlines& deadlines, Instant now)
      : deadlines_{deadlines}, entered_{now}, request_began_{now}, deadline_{now + deadlines.header} {}

  void enter(Phase phase, Instant now) {
    if (phase == phase_) return;
    // A header may come whole, so that the body is the first that is waited for.
    const bool arrives = phase == Phase::header || phase == Phase::body;
    if (arrives && phase_ != Phase::header && phase_ != Phase::body) request_began_ = now;
    phase_ = phase;
    entered_ = now;
    switch (phase) {
      case Phase::idle:
        deadline_ = now + deadlines_.idle;
        break;
      case Phase::header:
        deadline_ = request_began_ + deadlines_.header;
        break;
      case Phase::body:
        deadline_ = request_began_ + deadlines_.request;
        break;
      case Phase::handling:
        deadline_ = now + deadlines_.handling;
        break;
      case Phase::writing:
        deadline_ = now + deadlines_.writing;
        break;
      case Phase::closing:
        deadline_ = now + deadlines_.closing;
        break;
    }
  }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool is_over(Instant now) const { return now >= deadline_; }

  /// How well it may be closed to make room for another client; empty: not at all. Greater goes first: whoever has had an answer,
  /// by how long ago; then a request that is still on its way after `crowded`, by its age.
  [[nodiscard]] std::optional<std::pair<bool, Instant::duration>> spare(Instant now) const {
    switch (phase_) {
      case Phase::idle:
      case Phase::closing:
        return std::pair{true, now - entered_};
      case Phase::header:
      case Phase::body:
        if (now - request_began_ >= deadlines_.crowded) return std::pair{false, now - request_began_};
        return {};
      case Phase::handling:
      case Phase::writing:
        return {};
    }
    return {};
  }

 private:
  Deadlines deadlines_;
  Phase phase_ = Phase::header;
  Instant entered_;
  Instant request_began_;
  Instant deadline_;
};

}  // namespace remuda::http
