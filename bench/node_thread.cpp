#include "bench/node_thread.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "common/runtime/node_runtime.hpp"
#include "common/runtime/wiring.hpp"

namespace remuda::bench {

namespace {

constexpr std::chrono::milliseconds longest_rest{20};  // so that `stop` is seen

std::vector<PortBinding> parsed(const std::vector<std::string>& texts) {
  std::vector<PortBinding> bindings;
  for (const auto& text : texts) {
    auto binding = parse_port_binding(text);
    if (!binding) throw std::runtime_error{binding.error().message};
    bindings.push_back(std::move(*binding));
  }
  return bindings;
}

}  // namespace

void run_bound_node(Node& node, const std::vector<std::string>& bindings, Context& context, const Clock& clock,
                    const std::atomic<bool>& stop) {
  const NodeDescription description = node.describe();
  const auto parameters = Parameters::make({}, {});
  if (!parameters) throw std::runtime_error{parameters.error().message};
  Wiring wiring{description, parsed(bindings), context, clock, {description.name, 0}};
  NodeRuntime runtime{node, {description.name, 0, {}}, *parameters, wiring.ports(), clock};
  std::vector<zmq_pollitem_t> items;
  runtime.start();
  while (!runtime.drained()) {
    if (stop) runtime.begin_drain();
    if (runtime.turn() || runtime.drained()) continue;
    items.clear();
    for (const auto* source : wiring.ports().sources) source->append_poll_items(items);
    const Instant now = clock.now();
    const Instant until = std::clamp(runtime.next_deadline(), now, now + longest_rest);
    poll(items, std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
  }
  runtime.stop();
}

void Source::start(NodeContext& context) {
  context_ = &context;
  context_->post([this] { burst(); });
}

void Source::burst() {
  constexpr std::uint64_t at_once = 256;
  Message message;
  message.source = "bench";
  message.time_ms = 1;
  message.body.assign(size_, 'x');
  const bool ended = end_;
  if (!ended && unconfirmed_ == 0 && may_send_(sent_)) {
    unconfirmed_ = at_once;
    for (std::uint64_t i = 0; i < at_once; ++i) {
      message.id = std::to_string(++sent_);
      context_->send("out", message, [this](const Result<void>&) { --unconfirmed_; });
    }
  } else if (!ended) {
    std::this_thread::yield();
  }
  if (ended && unconfirmed_ == 0)
    done_ = true;
  else
    context_->post([this] { burst(); });
}

}  // namespace remuda::bench
