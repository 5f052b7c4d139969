#include "broker/live_feed.hpp"

#include <algorithm>

#include "common/wire.hpp"

namespace remuda::broker {

void LiveFeed::add(std::uint64_t subscription, ClientId client, FilterPolicy policy, bool filtered, std::uint32_t window) {
  Subscriber subscriber;
  subscriber.subscription = subscription;
  subscriber.client = client;
  subscriber.policy = std::move(policy);
  subscriber.filtered = filtered;
  subscriber.window = std::clamp(window, window_min, window_max);
  subscribers_.push_back(std::move(subscriber));
  unfiltered_ += filtered ? 0U : 1U;
}

bool LiveFeed::remove(std::uint64_t subscription, ClientId client) {
  const auto removed =
      std::erase_if(subscribers_, [&](const Subscriber& s) { return s.subscription == subscription && s.client == client; });
  unfiltered_ = static_cast<std::size_t>(
      std::count_if(subscribers_.begin(), subscribers_.end(), [](const Subscriber& s) { return !s.filtered; }));
  return removed > 0;
}

void LiveFeed::credit(std::uint64_t subscription, ClientId client, std::uint64_t sequence) {
  for (auto& subscriber : subscribers_) {
    if (subscriber.subscription != subscription || subscriber.client != client) continue;
    while (!subscriber.sent.empty() && subscriber.sent.front().last <= sequence) {
      subscriber.outstanding -= subscriber.sent.front().count;
      subscriber.sent.pop_front();
    }
  }
}

void LiveFeed::append(Chunks& chunks, std::string_view packed) {
  const bool full = chunks.empty() || chunks.back().count == chunk_messages_max ||
                    chunks.back().messages.size() + packed.size() > chunk_bytes_max;
  if (full) chunks.emplace_back();
  wire::append_event_message(packed, chunks.back().messages);
  ++chunks.back().count;
}

void LiveFeed::publish(const MessageView& message) {
  if (subscribers_.empty()) return;
  pending_ = true;
  if (unfiltered_ > 0) append(shared_, message.packed);
  for (auto& subscriber : subscribers_) {
    if (subscriber.filtered && subscriber.policy.matches(message)) append(subscriber.own, message.packed);
  }
}

void LiveFeed::flush(const std::function<bool(ClientId, std::string_view)>& send) {
  pending_ = false;
  for (auto& subscriber : subscribers_) {
    for (const auto& chunk : subscriber.filtered ? subscriber.own : shared_) send_chunk(subscriber, chunk, send);
    subscriber.own.clear();
  }
  shared_.clear();
}

void LiveFeed::send_chunk(Subscriber& subscriber, const Chunk& chunk, const std::function<bool(ClientId, std::string_view)>& send) {
  const std::uint64_t first = subscriber.next;
  subscriber.next += chunk.count;
  if (subscriber.outstanding + chunk.count <= subscriber.window) {
    frame_.clear();
    wire::begin_event(subscriber.subscription, first, chunk.count, frame_);
    frame_ += chunk.messages;
    if (send(subscriber.client, frame_)) {
      subscriber.sent.push_back({subscriber.next - 1, chunk.count});
      subscriber.outstanding += chunk.count;
      return;
    }
  }
  missed_ += chunk.count;
}

}  // namespace remuda::broker
