#pragma once
// The figures of a running node: counted on the loop's thread (count() from any), read by the control thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "common/control.hpp"
#include "common/runtime/settler.hpp"

namespace remuda {

class NodeFigures {
 public:
  enum class State { starting, ready, draining };

  void set_state(State state) { state_ = state; }
  [[nodiscard]] State state() const { return state_; }

  /// The loop works since `now`, or rests until something happens: resting is not being stuck.
  void work(Instant now) { working_since_ = now.time_since_epoch().count(); }
  void rest() { working_since_ = 0; }

  /// Before the first message: the port's number for the calls below. The same name may be added again (several channels).
  std::size_t add_port(std::string name);
  void received(std::size_t port, const Delivery& delivery);
  void settled(std::size_t port, Fate fate);
  /// What the port's channel reports of itself.
  void set_losses(std::size_t port, std::uint64_t missed, std::uint64_t malformed);

  /// Why outputs are not taken at present; empty: they are.
  void set_held_back(std::string why);

  /// A figure of the node's own.
  void count(std::string_view name, std::int64_t by);

  /// The ports' figures are named `port.NAME.received`, `.redelivered`, `.done`, `.retried`, `.rejected`, `.stale`,
  /// `.missed` and `.malformed`.
  [[nodiscard]] ControlReport report(Instant now) const;

 private:
  struct Port {
    explicit Port(std::string n) : name{std::move(n)} {}
    std::string name;
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> redelivered{0};
    std::array<std::atomic<std::uint64_t>, 4> by_fate{};
    std::atomic<std::uint64_t> missed{0};
    std::atomic<std::uint64_t> malformed{0};
  };

  std::atomic<State> state_{State::starting};
  std::atomic<Instant::rep> working_since_{0};
  std::deque<Port> ports_;  // never moved: atomics stay where they are; complete before the control thread looks
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t, std::less<>> counts_;
  std::string held_back_;
};

}  // namespace remuda
