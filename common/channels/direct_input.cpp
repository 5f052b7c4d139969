#include "common/channels/direct_input.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace remuda {
namespace {

void must(const Result<void>& done) {
  if (!done) throw std::runtime_error{done.error().message};
}

}  // namespace

std::unique_ptr<DirectInput> DirectInput::pipe(Context& context, const std::vector<std::string>& endpoints) {
  Socket socket{context, SocketKind::pull, {.receive_high_water_mark = direct::pipe_high_water_mark}};
  for (const auto& endpoint : endpoints) {
    if (const auto bound = socket.listen(endpoint); !bound) throw std::runtime_error{bound.error().message};
  }
  return std::unique_ptr<DirectInput>{new DirectInput{std::move(socket), endpoints}};
}

std::unique_ptr<DirectInput> DirectInput::subscription(Context& context, const std::vector<std::string>& endpoints,
                                                       const LiveFilter& filter) {
  Socket socket{context, SocketKind::sub};
  const auto subscription = direct::subscription_to(filter);
  socket.subscribe(subscription);
  for (const auto& endpoint : endpoints) must(socket.connect(endpoint));
  return std::unique_ptr<DirectInput>{
      new DirectInput{std::move(socket), endpoints, filter.policy.empty() ? std::string{} : subscription}};
}

void DirectInput::rewire(std::span<const std::string> endpoints, std::size_t /*subscribers*/) {
  const auto is_in = [](const std::string& endpoint, std::span<const std::string> some) {
    return std::find(some.begin(), some.end(), endpoint) != some.end();
  };
  for (const auto& endpoint : endpoints_) {
    if (!is_in(endpoint, endpoints)) socket_.disconnect(endpoint);
  }
  for (const auto& endpoint : endpoints) {
    if (!is_in(endpoint, endpoints_)) must(socket_.connect(endpoint));
  }
  endpoints_.assign(endpoints.begin(), endpoints.end());
}

void DirectInput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  if (!draining_ && waiting_ < waiting_max) items.push_back(socket_.poll_item());
}

void DirectInput::turn(Instant /*now*/) {
  while (!draining_ && waiting_ < waiting_max && socket_.receive(frame_)) {
    bool single = !frame_.more();
    while (frame_.more() && socket_.receive(frame_)) single = false;
    if (single) {
      read(std::exchange(frame_, {}));
    } else {
      ++malformed_;
    }
  }
}

void DirectInput::read(Frame frame) {
  std::string_view bytes = frame.bytes();
  if (bytes.starts_with(prefix_)) bytes.remove_prefix(prefix_.size());  // the only one that libzmq lets through
  auto decoded = direct::decode_messages(bytes);
  if (!decoded) {
    ++malformed_;
    return;
  }
  const std::size_t count = decoded->messages.size();
  gaps_.observe(decoded->sender, decoded->first_sequence, count);
  arrived_ += count;
  if (count == 0) return;
  waiting_ += count;
  frames_.push_back({std::move(frame), std::move(*decoded)});
}

std::uint64_t DirectInput::missing_of(const SentUpTo& sent) const {
  const bool comes_here =
      sent.subscription == prefix_ && std::find(endpoints_.begin(), endpoints_.end(), sent.endpoint) != endpoints_.end();
  return comes_here ? gaps_.missing_of(sent.sender, sent.sequence) : 0;
}

bool DirectInput::take(Incoming& incoming) {
  while (!frames_.empty()) {
    Arrived& first = frames_.front();
    const auto unpacked = unpack_message(first.content.messages[first.next], incoming.message);
    const std::uint64_t sequence = first.content.first_sequence + first.next;
    --waiting_;
    if (++first.next == first.content.messages.size()) frames_.pop_front();
    if (!unpacked) {
      ++malformed_;
      continue;
    }
    incoming.delivery = {};
    incoming.ticket.clear();
    incoming.message.sequence = sequence;
    return true;
  }
  return false;
}

}  // namespace remuda
