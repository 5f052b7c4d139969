#pragma once
// What a process does while one at the other end of its direct channels, or itself, is swapped: holds back what it sends there,
// says how far it has sent, and says when everything that was sent to it is here. Decides when to say so; knows no socket.
//
//   hold  ->  (answers from there have come)                ->  held, how far it has sent
//   await ->  (everything up to there has come; perhaps: and was given to the handler)  ->  arrived
//
// Transports may lose messages with a connection. What has not come although nothing waits here and nothing came for a second does
// not come any more: it is counted and told, not waited for.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/channel.hpp"
#include "common/control.hpp"

namespace remuda {

class Handover {
 public:
  static constexpr std::chrono::milliseconds quiet_time{1'000};

  /// `sources` must outlive the handover. `say`: the way to the supervisor.
  Handover(const std::vector<EventSource*>& sources, std::function<void(ControlMessage)> say)
      : sources_{sources}, say_{std::move(say)} {}

  void hold(const ControlHold& hold);
  void resume(const ControlResume& resume);
  void await(const ControlAwait& await, Instant now);
  /// Says how far everything has been sent: the process has finished.
  void finished(std::uint64_t number);

  /// Says what can be said by now; called after every turn of the loop.
  void turn(Instant now);
  [[nodiscard]] Instant next_deadline() const;

 private:
  struct Held {
    std::vector<std::string> endpoints;
    bool said = false;
  };
  [[nodiscard]] std::vector<SentUpTo> sent(std::span<const std::string> endpoints) const;
  [[nodiscard]] std::uint64_t missing(const ControlAwait& await) const;

  const std::vector<EventSource*>& sources_;
  std::function<void(ControlMessage)> say_;

  std::map<std::uint64_t, Held> holds_;
  std::vector<ControlAwait> awaits_;
  std::uint64_t arrived_ = 0;  ///< when it was last looked at
  Instant quiet_since_{};
};

}  // namespace remuda
