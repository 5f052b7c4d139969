#include "common/channels/pipe.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/channels/direct_wire.hpp"

namespace remuda {

PipeOutput::PipeOutput(Context& context, const std::vector<std::string>& endpoints)
    : context_{context}, sender_{direct::new_sender()} {
  for (const auto& endpoint : endpoints) consumers_.push_back({connected_to(endpoint), endpoint});
}

Socket PipeOutput::connected_to(const std::string& endpoint) {
  Socket socket{context_, SocketKind::push, {.send_high_water_mark = direct::pipe_high_water_mark}};
  socket.linger(direct::farewell_time);
  if (const auto connected = socket.connect(endpoint); !connected) throw std::runtime_error{connected.error().message};
  return socket;
}

void PipeOutput::rewire(std::span<const std::string> endpoints, std::size_t /*subscribers*/) {
  std::erase_if(consumers_, [&](const Consumer& consumer) {
    return std::find(endpoints.begin(), endpoints.end(), consumer.endpoint) == endpoints.end();
  });
  for (const auto& endpoint : endpoints) {
    if (std::none_of(consumers_.begin(), consumers_.end(), [&](const Consumer& known) { return known.endpoint == endpoint; }))
      consumers_.push_back({connected_to(endpoint), endpoint});
  }
  turn_of_ = 0;
}

void PipeOutput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  if (waiting_.empty()) return;
  for (const auto& consumer : consumers_) {
    if (!consumer.held) items.push_back(consumer.socket.poll_item(ZMQ_POLLOUT));
  }
}

void PipeOutput::send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) {
  waiting_.add(packed_messages, std::move(confirmed));
}

void PipeOutput::turn(Instant /*now*/) {
  flush();
}

void PipeOutput::flush() {
  // What was gathered is dealt out evenly: sharing a frame must not give one consumer the work of all.
  const std::size_t share = consumers_.empty() ? 0 : (waiting_.size() + consumers_.size() - 1) / consumers_.size();
  // And what is sent by those who are told of a confirm goes in the next turn: this one must end.
  for (std::size_t left = waiting_.size(); left > 0;) {
    const std::size_t handed_over = hand_over(std::min(share, left));
    if (handed_over == 0) return;
    left -= handed_over;
  }
}

std::size_t PipeOutput::hand_over(std::size_t most) {
  for (std::size_t tried = 0; tried < consumers_.size(); ++tried) {
    auto& consumer = consumers_[turn_of_];
    turn_of_ = (turn_of_ + 1) % consumers_.size();
    if (consumer.held || !consumer.socket.can_send()) continue;
    frame_.clear();
    const auto portion = waiting_.encode(sender_, consumer.next_sequence, most, frame_);
    if (consumer.socket.send(frame_) != SendStatus::sent) continue;
    consumer.next_sequence += portion.messages;
    waiting_.confirm(portion);
    return portion.sends;
  }
  return 0;
}

void PipeOutput::hold(std::span<const std::string> endpoints) {
  for (auto& consumer : consumers_) {
    if (std::find(endpoints.begin(), endpoints.end(), consumer.endpoint) != endpoints.end()) consumer.held = true;
  }
}

void PipeOutput::resume(std::span<const std::string> endpoints, bool replaced) {
  for (auto& consumer : consumers_) {
    if (std::find(endpoints.begin(), endpoints.end(), consumer.endpoint) == endpoints.end()) continue;
    consumer.held = false;
    if (!replaced) continue;
    // The end of the old connection may not be known here yet, and what went into it would be lost: a new one can only be to the new.
    consumer.socket = connected_to(consumer.endpoint);
    consumer.first_of_receiver = consumer.next_sequence;
  }
}

void PipeOutput::append_sent(std::vector<SentUpTo>& sent) const {
  for (const auto& consumer : consumers_) {
    if (consumer.next_sequence > consumer.first_of_receiver)
      sent.push_back({consumer.endpoint, {}, sender_, consumer.next_sequence - 1});
  }
}

}  // namespace remuda
