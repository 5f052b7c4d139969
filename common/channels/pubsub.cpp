#include "common/channels/pubsub.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/channels/direct_wire.hpp"
#include "common/log.hpp"

namespace remuda {

PubSubOutput::PubSubOutput(Context& context, const std::vector<std::string>& endpoints, std::string topic,
                           std::size_t expected_subscribers, const Clock& clock)
    : endpoints_{endpoints},
      topic_{std::move(topic)},
      clock_{clock},
      sender_{direct::new_sender()},
      socket_{context, SocketKind::xpub_verboser},
      expected_{expected_subscribers},
      open_{expected_subscribers == 0} {
  socket_.linger(direct::farewell_time);
  for (const auto& endpoint : endpoints) {
    if (const auto bound = socket_.listen(endpoint); !bound) throw std::runtime_error{bound.error().message};
  }
}

void PubSubOutput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  items.push_back(socket_.poll_item());
}

void PubSubOutput::turn(Instant now) {
  read_subscriptions();
  if (!open_ && !one_has_to_go_ && subscribers_ >= expected_) open_ = true;
  if (!open_ && !held_ && !waiting_.empty() && now >= barrier_ends_) {
    log_warning("publishing without all subscribers",
                {{"topic", topic_}, {"subscribers", subscribers_}, {"expected", expected_}, {"waiting", waiting_.size()}});
    open_ = true;
    one_has_to_go_ = false;
  }
  flush();
}

void PubSubOutput::read_subscriptions() {
  // Each is one byte, 1 = came or 0 = went, and the prefix subscribed to.
  while (socket_.receive(subscription_)) {
    const auto bytes = subscription_.bytes();
    if (bytes.empty()) continue;
    if (bytes.front() == '\x01') {
      ++subscribers_;
    } else if (bytes.front() == '\x00' && subscribers_ > 0) {
      --subscribers_;
      one_has_to_go_ = false;
    } else {
      continue;
    }
    on_subscription(bytes.substr(1), bytes.front() == '\x01');
  }
}

void PubSubOutput::on_subscription(std::string_view prefix, bool came) {
  const auto known = filtered_.find(prefix);
  if (known != filtered_.end()) {
    auto& count = known->second.subscribers;
    count = came ? count + 1 : count - std::min<std::size_t>(count, 1);
    return;
  }
  const auto filter = direct::filter_of(prefix);
  if (!came || !filter) return;
  if (filtered_.size() >= filters_max) std::erase_if(filtered_, [](const auto& entry) { return entry.second.subscribers == 0; });
  auto policy = FilterPolicy::compile(filter->policy, filter->on_attributes ? FilterScope::attributes : FilterScope::body);
  if (!policy || filtered_.size() >= filters_max) {
    log_warning("a live filter is refused: its subscriber gets nothing",
                {{"topic", topic_}, {"reason", policy ? "too many different filters" : policy.error().message}});
    return;
  }
  filtered_.emplace(prefix, Filtered{std::move(*policy), direct::new_sender(), 1, 1});
}

void PubSubOutput::send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) {
  if (!open_ && !held_ && waiting_.empty()) barrier_ends_ = clock_.now() + barrier_time;
  waiting_.add(packed_messages, std::move(confirmed));
}

void PubSubOutput::flush() {
  if (!open_ || held_) return;
  // What is sent by those who are told of a confirm goes in the next turn: this one must end.
  for (std::size_t left = waiting_.size(); left > 0;) {
    frame_.clear();
    const auto portion = waiting_.encode(sender_, next_sequence_, left, frame_);
    // XPUB never blocks: it drops for those who are too slow. The numbering goes on, so that they see it.
    static_cast<void>(socket_.send(frame_));
    next_sequence_ += portion.messages;
    if (!filtered_.empty()) publish_filtered(direct::decode_messages(frame_)->messages);
    left -= portion.sends;
    waiting_.confirm(portion);
  }
}

Instant PubSubOutput::next_deadline() const {
  if (waiting_.empty() || held_) return Instant::max();
  return open_ ? Instant::min() : barrier_ends_;
}

void PubSubOutput::publish_filtered(std::span<const std::string_view> packed_messages) {
  std::vector<MessageView> views;
  for (const auto packed : packed_messages) {
    if (const auto view = view_message(packed)) views.push_back(*view);
  }
  std::vector<std::string_view> passed;
  for (auto& [prefix, filtered] : filtered_) {
    passed.clear();
    for (const auto& view : views) {
      if (filtered.policy.matches(view)) passed.push_back(view.packed);
    }
    if (passed.empty()) continue;
    filtered_frame_ = prefix;
    direct::encode_messages(filtered.sender, filtered.next_sequence, passed, filtered_frame_);
    static_cast<void>(socket_.send(filtered_frame_));
    filtered.next_sequence += passed.size();
  }
}

void PubSubOutput::hold(std::span<const std::string> endpoints) {
  const bool is_meant =
      std::find_first_of(endpoints_.begin(), endpoints_.end(), endpoints.begin(), endpoints.end()) != endpoints_.end();
  if (!is_meant || held_) return;
  read_subscriptions();
  held_ = true;
  if (open_) expected_ = subscribers_;
  one_has_to_go_ = open_ && subscribers_ > 0;
}

void PubSubOutput::resume(std::span<const std::string> endpoints, bool replaced) {
  const bool is_meant =
      std::find_first_of(endpoints_.begin(), endpoints_.end(), endpoints.begin(), endpoints.end()) != endpoints_.end();
  if (!is_meant || !held_) return;
  held_ = false;
  if (!replaced) {
    one_has_to_go_ = false;
    return;
  }
  open_ = !one_has_to_go_ && subscribers_ >= expected_;
  barrier_ends_ = clock_.now() + barrier_time;
  first_of_receiver_ = next_sequence_;
  for (auto& [prefix, filtered] : filtered_) filtered.first_of_receiver = filtered.next_sequence;
}

void PubSubOutput::rewire(std::span<const std::string> /*endpoints*/, std::size_t subscribers) {
  expected_ = subscribers;
}

void PubSubOutput::append_sent(std::vector<SentUpTo>& sent) const {
  for (const auto& endpoint : endpoints_) {
    if (next_sequence_ > first_of_receiver_) sent.push_back({endpoint, {}, sender_, next_sequence_ - 1});
    for (const auto& [prefix, filtered] : filtered_) {
      if (filtered.next_sequence > filtered.first_of_receiver)
        sent.push_back({endpoint, prefix, filtered.sender, filtered.next_sequence - 1});
    }
  }
}

}  // namespace remuda
