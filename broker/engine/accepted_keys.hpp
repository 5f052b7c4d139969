#pragma once
// The deduplication keys that the record being decided will accept: they are in no window yet, but the next message of the same
// request must not repeat them.

#include <algorithm>
#include <optional>
#include <vector>

#include "broker/engine/commands.hpp"
#include "broker/engine/hash_index.hpp"

namespace remuda::broker {

class AcceptedKeys {
 public:
  void clear() {
    keys_.clear();
    index_.clear();
  }
  /// `queue` 0: accepted by the topic.
  [[nodiscard]] std::optional<Sequence> find(QueueId queue, const DeduplicationKey& key) const {
    const auto is_it = [&](const Entry& each) { return each.queue == queue && each.key == key; };
    if (keys_.size() < few) {
      const auto found = std::find_if(keys_.begin(), keys_.end(), is_it);
      return found == keys_.end() ? std::nullopt : std::optional{found->sequence};
    }
    const auto number = index_.find(hash(queue, key), [&](std::uint32_t i) { return is_it(keys_[i]); });
    return number ? std::optional{keys_[*number].sequence} : std::nullopt;
  }
  void add(QueueId queue, const DeduplicationKey& key, Sequence sequence) {
    keys_.push_back({queue, key, sequence});
    if (keys_.size() < few) return;
    for (std::size_t i = index_.size(); i < keys_.size(); ++i)
      index_.insert(hash(keys_[i].queue, keys_[i].key), static_cast<std::uint32_t>(i));
  }

 private:
  static constexpr std::size_t few = 32;
  struct Entry {
    QueueId queue;
    DeduplicationKey key;
    Sequence sequence;
  };
  [[nodiscard]] static std::uint64_t hash(QueueId queue, const DeduplicationKey& key) {
    return hash_of({key.data(), key.size()}, {queue, 0});
  }
  std::vector<Entry> keys_;
  HashIndex index_;
};

}  // namespace remuda::broker
