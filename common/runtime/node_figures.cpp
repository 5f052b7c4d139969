#include "common/runtime/node_figures.hpp"

#include <utility>

namespace remuda {

std::size_t NodeFigures::add_port(std::string name) {
  ports_.emplace_back(std::move(name));
  return ports_.size() - 1;
}

void NodeFigures::received(std::size_t port, const Delivery& delivery) {
  ++ports_[port].received;
  if (delivery.receive_count > 1) ++ports_[port].redelivered;
}

void NodeFigures::settled(std::size_t port, Fate fate) {
  ++ports_[port].by_fate[static_cast<std::size_t>(fate)];
}

void NodeFigures::set_losses(std::size_t port, std::uint64_t missed, std::uint64_t malformed) {
  ports_[port].missed = missed;
  ports_[port].malformed = malformed;
}

void NodeFigures::set_held_back(std::string why) {
  const std::lock_guard lock{mutex_};
  held_back_ = std::move(why);
}

void NodeFigures::count(std::string_view name, std::int64_t by) {
  const std::lock_guard lock{mutex_};
  const auto known = counts_.find(name);
  if (known != counts_.end()) {
    known->second += by;
  } else {
    counts_.emplace(name, by);
  }
}

ControlReport NodeFigures::report(Instant now) const {
  static constexpr std::array<std::string_view, 3> states{"starting", "ready", "draining"};
  static constexpr std::array<Fate, 4> fates{Fate::done, Fate::retried, Fate::rejected, Fate::stale};
  ControlReport report;
  report.state = states[static_cast<std::size_t>(state_.load())];
  if (const auto since = working_since_.load(); since != 0) {
    report.loop_age = std::chrono::duration_cast<std::chrono::milliseconds>(now - Instant{Instant::duration{since}});
  }
  {
    const std::lock_guard lock{mutex_};
    report.counts.insert(counts_.begin(), counts_.end());
    report.held_back = held_back_;
  }
  for (const auto& port : ports_) {
    const auto add = [&](std::string_view what, std::uint64_t value) {
      report.counts["port." + port.name + "." + std::string{what}] += static_cast<std::int64_t>(value);
    };
    std::uint64_t settled = 0;
    for (const auto fate : fates) {
      const auto value = port.by_fate[static_cast<std::size_t>(fate)].load();
      settled += value;
      add(name_of(fate), value);
    }
    // Read after what was settled: then never smaller than it.
    const auto received = port.received.load();
    add("received", received);
    add("redelivered", port.redelivered);
    add("missed", port.missed);
    add("malformed", port.malformed);
    report.in_flight += received - settled;
    report.processed += port.by_fate[static_cast<std::size_t>(Fate::done)];
    report.failed += port.by_fate[static_cast<std::size_t>(Fate::retried)] + port.by_fate[static_cast<std::size_t>(Fate::rejected)];
    report.redelivered += port.redelivered;
  }
  return report;
}

}  // namespace remuda
