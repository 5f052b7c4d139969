#include "common/channels/pubsub.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/channels/direct_wire.hpp"
#include "common/log.hpp"

namespace remuda {

PubSubOutput::PubSubOutput(Context& context, const std::vector<std::string>& endpoints, std::string topic,
                           std::size_t expected_subscribers, const Clock& clock)
    : topic_{std::move(topic)},
      expected_{expected_subscribers},
      clock_{clock},
      sender_{direct::new_sender()},
      socket_{context, SocketKind::xpub_verboser},
      open_{expected_subscribers == 0} {
  for (const auto& endpoint : endpoints) {
    if (const auto bound = socket_.listen(endpoint); !bound) throw std::runtime_error{bound.error().message};
  }
}

void PubSubOutput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  items.push_back(socket_.poll_item());
}

void PubSubOutput::turn(Instant now) {
  read_subscriptions();
  if (open_) return;
  if (subscribers_ >= expected_) {
    open();
  } else if (!waiting_.empty() && now >= barrier_ends_) {
    log_warning("publishing without all subscribers",
                {{"topic", topic_}, {"subscribers", subscribers_}, {"expected", expected_}, {"waiting", waiting_.size()}});
    open();
  }
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
  if (open_) {
    publish(packed_messages);
    return confirmed({});
  }
  if (waiting_.empty()) barrier_ends_ = clock_.now() + barrier_time;
  waiting_.push_back({{packed_messages.begin(), packed_messages.end()}, std::move(confirmed)});
}

void PubSubOutput::publish(std::span<const std::string_view> packed_messages) {
  frame_.clear();
  direct::encode_messages(sender_, next_sequence_, packed_messages, frame_);
  // XPUB never blocks: it drops for those who are too slow. The numbering goes on, so that they see it.
  static_cast<void>(socket_.send(frame_));
  next_sequence_ += packed_messages.size();
  if (!filtered_.empty()) publish_filtered(packed_messages);
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
    frame_ = prefix;
    direct::encode_messages(filtered.sender, filtered.next_sequence, passed, frame_);
    static_cast<void>(socket_.send(frame_));
    filtered.next_sequence += passed.size();
  }
}

void PubSubOutput::open() {
  open_ = true;
  for (auto& held : std::exchange(waiting_, {})) {
    const std::vector<std::string_view> views{held.messages.begin(), held.messages.end()};
    publish(views);
    held.confirmed({});
  }
}

}  // namespace remuda
