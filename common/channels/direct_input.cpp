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

void DirectInput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  if (!draining_ && waiting_.size() < waiting_max) items.push_back(socket_.poll_item());
}

void DirectInput::turn(Instant /*now*/) {
  while (!draining_ && waiting_.size() < waiting_max && socket_.receive(frame_)) {
    bool single = !frame_.more();
    while (frame_.more() && socket_.receive(frame_)) single = false;
    if (single) {
      read(frame_.bytes());
    } else {
      ++malformed_;
    }
  }
}

void DirectInput::read(std::string_view frame) {
  const bool mine = frame.starts_with(prefix_);  // libzmq matches prefixes: another subscription of this socket does not exist
  const auto decoded = direct::decode_messages(mine ? frame.substr(prefix_.size()) : frame);
  if (!decoded) {
    ++malformed_;
    return;
  }
  gaps_.observe(decoded->sender, decoded->first_sequence, decoded->messages.size());
  arrived_ += decoded->messages.size();
  auto sequence = decoded->first_sequence;
  for (const auto packed : decoded->messages) {
    auto message = unpack_message(packed);
    if (message) {
      message->sequence = sequence;
      waiting_.push_back(std::move(message).value());
    } else {
      ++malformed_;
    }
    ++sequence;
  }
}

std::uint64_t DirectInput::missing_of(const SentUpTo& sent) const {
  const bool comes_here =
      sent.subscription == prefix_ && std::find(endpoints_.begin(), endpoints_.end(), sent.endpoint) != endpoints_.end();
  return comes_here ? gaps_.missing_of(sent.sender, sent.sequence) : 0;
}

bool DirectInput::take(Incoming& incoming) {
  if (waiting_.empty()) return false;
  incoming = {std::move(waiting_.front()), {}, {}};
  waiting_.pop_front();
  return true;
}

}  // namespace remuda
