#pragma once
// Runs channels until something has happened: waits for sockets, never for time.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "common/channel.hpp"
#include "common/socket.hpp"

namespace remuda::test {

/// An abstract ipc name that no other test and no other run uses.
inline std::string fresh_endpoint() {
  static std::atomic<int> number{0};
  return "ipc://@remuda-test-" + std::to_string(getpid()) + "-" + std::to_string(number++);
}

/// Turns `sources` until `happened`; false when it has not within a generous deadline.
inline bool pump_until(const std::vector<EventSource*>& sources, const Clock& clock, const std::function<bool()>& happened) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  std::vector<zmq_pollitem_t> items;
  while (true) {
    for (auto* source : sources) source->turn(clock.now());
    if (happened()) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    items.clear();
    for (const auto* source : sources) source->append_poll_items(items);
    // The bound keeps sources going whose next turn depends on a clock or on memory and not on a socket.
    poll(items, std::min<long>(20, static_cast<long>(left.count())));
  }
}

}  // namespace remuda::test
