#include "cli/direct_topic.hpp"

#include <array>
#include <utility>

#include "common/channels/direct_wire.hpp"
#include "common/clock.hpp"

namespace remuda::cli {

Result<Unit> listen_directly(Context& context, const supervisor::ChannelEntry& channel, std::chrono::milliseconds wait,
                             const LiveFilter& filter,
                             const std::function<bool(std::string_view packed_message, std::uint64_t missed)>& on_event) {
  Socket socket{context, SocketKind::sub};
  const std::string subscription = direct::subscription_to(filter);
  const std::size_t prefix = filter.policy.empty() ? 0 : subscription.size();
  socket.subscribe(subscription);
  for (const std::string& endpoint : channel.endpoints) {
    if (const Result<void> connected = socket.connect(endpoint); !connected) return Failure<Error>{connected.error()};
  }
  const SystemClock clock;
  const Instant end = clock.now() + wait;
  direct::GapCounter gaps;
  std::uint64_t told = 0;
  Frame frame;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock.now()).count();
    if (left <= 0) return Unit{};
    std::array<zmq_pollitem_t, 1> items{socket.poll_item()};
    poll(items, static_cast<long>(left));
    while (socket.receive(frame)) {
      const Result<direct::Messages> messages = direct::decode_messages(frame.bytes().substr(prefix));
      if (!messages) return Failure<Error>{messages.error()};
      gaps.observe(messages->sender, messages->first_sequence, messages->messages.size());
      std::uint64_t missed = gaps.missed() - std::exchange(told, gaps.missed());
      for (const std::string_view packed : messages->messages) {
        if (!on_event(packed, std::exchange(missed, 0))) return Unit{};
      }
    }
  }
}

}  // namespace remuda::cli
