#include "common/channels/pipe.hpp"

#include <stdexcept>
#include <utility>

#include "common/channels/direct_wire.hpp"

namespace remuda {

PipeOutput::PipeOutput(Context& context, const std::vector<std::string>& endpoints) : sender_{direct::new_sender()} {
  for (const auto& endpoint : endpoints) {
    Consumer consumer{Socket{context, SocketKind::push}};
    if (const auto connected = consumer.socket.connect(endpoint); !connected) throw std::runtime_error{connected.error().message};
    consumers_.push_back(std::move(consumer));
  }
}

void PipeOutput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  if (waiting_.empty()) return;
  for (const auto& consumer : consumers_) items.push_back(consumer.socket.poll_item(ZMQ_POLLOUT));
}

bool PipeOutput::hand_over(std::span<const std::string_view> packed_messages) {
  for (std::size_t tried = 0; tried < consumers_.size(); ++tried) {
    auto& consumer = consumers_[turn_of_];
    turn_of_ = (turn_of_ + 1) % consumers_.size();
    frame_.clear();
    direct::encode_messages(sender_, consumer.next_sequence, packed_messages, frame_);
    if (consumer.socket.send(frame_) == SendStatus::sent) {
      consumer.next_sequence += packed_messages.size();
      return true;
    }
  }
  return false;
}

void PipeOutput::send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) {
  if (waiting_.empty() && hand_over(packed_messages)) return confirmed({});
  waiting_.push_back({{packed_messages.begin(), packed_messages.end()}, std::move(confirmed)});
}

void PipeOutput::turn(Instant /*now*/) {
  while (!waiting_.empty()) {
    const std::vector<std::string_view> views{waiting_.front().messages.begin(), waiting_.front().messages.end()};
    if (!hand_over(views)) return;
    const auto confirmed = std::move(waiting_.front().confirmed);
    waiting_.pop_front();
    confirmed({});
  }
}

}  // namespace remuda
