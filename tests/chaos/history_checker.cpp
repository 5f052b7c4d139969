#include "tests/chaos/history_checker.hpp"

#include <algorithm>
#include <span>
#include <sstream>

namespace remuda::chaos {

namespace {

/// A timeout counts from the beginning of the broker's turn, which on a busy machine may lie a while before the receive
/// was asked for.
constexpr std::uint64_t turn_ns_max = 250'000'000;
constexpr std::uint64_t visibility_ns = visibility_ms * 1'000'000U - turn_ns_max;
constexpr std::uint64_t never = UINT64_MAX;

/// What became of one message in one queue, as far as it matters for the order of its group.
struct Life {
  std::uint64_t message = 0;
  std::uint64_t sequence = 0;
  std::uint64_t over_ns = never;  ///< it cannot have left its group before this
};

class Checker {
 public:
  explicit Checker(std::vector<Entry>& entries) : entries_{entries} {}

  Verdict run() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      if (a.queue != b.queue) return a.queue < b.queue;
      if (a.message != b.message) return a.message < b.message;
      return is_send(a.kind) != is_send(b.kind) ? is_send(a.kind) : a.time_ns < b.time_ns;
    });
    expand_sends();
    for (std::size_t begin = 0, end = 0; begin < entries_.size(); begin = end) {
      if (is_send(entries_[begin].kind)) {
        end = begin + 1;
        continue;
      }
      end = begin;
      while (end < entries_.size() && same_message(entries_[begin], entries_[end])) ++end;
      check_message({entries_.data() + begin, end - begin});
    }
    check_losses();
    check_fan_out();
    check_groups();
    return std::move(verdict_);
  }

 private:
  static bool is_send(Kind kind) { return kind == Kind::send_asked || kind == Kind::send_confirmed; }
  /// Sends stand first of their first message, and are no part of what became of it.
  static bool same_message(const Entry& a, const Entry& b) {
    return a.queue == b.queue && a.message == b.message && !is_send(b.kind);
  }

  void violate(const std::string& invariant, const Entry& entry, const std::string& what) {
    ++verdict_.violations[invariant];
    if (verdict_.stories.size() >= 10) return;
    std::ostringstream story;
    story << invariant << ": message " << entry.message << " of " << queue_names[static_cast<std::size_t>(entry.queue)]
          << ", sequence " << entry.sequence << ", client " << entry.client << ": " << what;
    verdict_.stories.push_back(story.str());
  }

  // --- what was sent: ranges of messages per queue, sorted

  struct Range {
    std::uint64_t first;
    std::uint32_t count;
    bool confirmed;
  };
  void expand_sends() {
    for (const Entry& entry : entries_) {
      if (!is_send(entry.kind)) continue;
      auto& ranges = sent_[static_cast<std::size_t>(entry.queue)];
      const bool confirmed = entry.kind == Kind::send_confirmed;
      if (!ranges.empty() && ranges.back().first == entry.message) {
        ranges.back().confirmed = ranges.back().confirmed || confirmed;
      } else {
        ranges.push_back({entry.message, entry.count, confirmed});
      }
    }
    for (std::size_t queue = 0; queue < queue_names.size(); ++queue) {
      std::uint64_t total = 0;
      for (const Range& range : sent_[queue]) {
        total += range.count;
        verdict_.confirmed += range.confirmed ? range.count : 0;
      }
      verdict_.asked += total;
      ended_[queue].reserve(total);
    }
  }
  [[nodiscard]] const Range* sent_range(QueueName queue, std::uint64_t message) const {
    const auto& ranges = sent_[static_cast<std::size_t>(queue)];
    auto at = std::upper_bound(ranges.begin(), ranges.end(), message,
                               [](std::uint64_t value, const Range& range) { return value < range.first; });
    if (at == ranges.begin()) return nullptr;
    --at;
    return message - at->first < at->count ? &*at : nullptr;
  }

  // --- one message in one queue

  void check_message(std::span<const Entry> story) {
    const Entry& first = story.front();
    if (sent_range(first.queue, first.message) == nullptr) violate("I2 no invention", first, "nobody sent it");
    deliveries_.clear();
    std::uint64_t deleted_ns = never;  // when a delete was confirmed first
    std::uint64_t ended_asked_ns = never;
    std::uint32_t dead = 0;
    bool released = false;
    bool rejected = false;
    std::uint32_t dead_count = 0;
    for (const Entry& entry : story) {
      switch (entry.kind) {
        case Kind::damaged:
          violate("I2 no invention", entry, "it is not what was sent");
          break;
        case Kind::delivered:
          deliveries_.push_back(entry);
          break;
        case Kind::delete_asked:
          ended_asked_ns = std::min(ended_asked_ns, entry.time_ns);
          break;
        case Kind::delete_done:
          ++verdict_.deletes;
          deleted_ns = std::min(deleted_ns, entry.time_ns);
          break;
        case Kind::delete_refused:
          ++verdict_.stale_handles;
          break;
        case Kind::release_asked:
          released = true;
          break;
        case Kind::reject_asked:
          rejected = true;
          ended_asked_ns = std::min(ended_asked_ns, entry.time_ns);
          break;
        case Kind::dead:
          ++dead;
          dead_count = entry.count;
          break;
        default:
          break;
      }
    }
    verdict_.dead_letters += dead;
    if (dead > 1) violate("I8 dead letters", first, "it is in the dead-letter queue more than once");
    if (dead > 0 && deleted_ns != never) violate("I5 atomic moves", first, "it is a dead letter though its delete was confirmed");
    if (dead > 0 && dead_count > max_receives) violate("I8 dead letters", first, "it was received more often than the limit");
    if (dead > 0 && dead_count != max_receives && !rejected)
      violate("I8 dead letters", first, "it is a dead letter before its receives were used up");
    check_deliveries(story, deleted_ns, released);

    const bool ended = ended_asked_ns != never || dead > 0;
    if (!ended) violate("I1 no loss", first, "it was delivered and is nowhere now");
    ended_[static_cast<std::size_t>(first.queue)].push_back(first.message);
    if (first.queue != QueueName::orders) return;
    Life life{first.message, deliveries_.empty() ? 0 : deliveries_.front().sequence, ended_asked_ns};
    // A dead letter without a reject left after its last delivery that anybody saw, or before, if nobody saw it.
    if (dead > 0) life.over_ns = std::min(life.over_ns, deliveries_.empty() ? 0 : deliveries_.back().time_ns);
    if (life.sequence != 0) lives_[group_of(first.message)].push_back(life);
  }

  void check_deliveries(std::span<const Entry> story, std::uint64_t deleted_ns, bool released) {
    verdict_.deliveries += deliveries_.size();
    if (deliveries_.size() > 1) verdict_.redeliveries += deliveries_.size() - 1;
    std::sort(deliveries_.begin(), deliveries_.end(), [](const Entry& a, const Entry& b) { return a.attempt < b.attempt; });
    for (std::size_t i = 0; i < deliveries_.size(); ++i) {
      const Entry& delivery = deliveries_[i];
      if (delivery.sequence != deliveries_.front().sequence) violate("I4 unknown sends", delivery, "it was stored twice");
      if (deleted_ns != never && delivery.asked_ns > deleted_ns)
        violate("I3 no resurrection", delivery, "it was received after its confirmed delete");
      if (delivery.count > max_receives) violate("I8 dead letters", delivery, "it was received more often than the limit");
      if (delivery.count > delivery.attempt) violate("I7 receive count", delivery, "more receives are counted than there were");
      if (queue_is_fifo(delivery.queue)) batches_[group_of(delivery.message)].push_back(delivery);
      if (i == 0) continue;
      const Entry& before = deliveries_[i - 1];
      // A receive that the broker could not hand out is taken back and seen by nobody; one that was seen counts, unless
      // it was released.
      const bool was_released = released && std::any_of(story.begin(), story.end(), [&](const Entry& entry) {
                                  return entry.kind == Kind::release_asked && entry.attempt == before.attempt;
                                });
      if (!was_released && delivery.count <= before.count) violate("I7 receive count", delivery, "a receive was not counted");
      if (delivery.attempt == before.attempt) violate("I6 exclusivity", delivery, "two receives got the same handle");
      const bool given_back = std::any_of(story.begin(), story.end(), [&](const Entry& entry) {
        const bool settles = entry.kind == Kind::release_asked || entry.kind == Kind::retry_asked ||
                             entry.kind == Kind::reject_asked || entry.kind == Kind::delete_asked;
        return settles && entry.attempt == before.attempt && entry.time_ns <= delivery.time_ns;
      });
      if (!given_back && delivery.attempt == before.attempt + 1 && delivery.time_ns < before.asked_ns + visibility_ns)
        violate("I6 exclusivity", delivery, "it had two holders");
    }
    for (const Entry& entry : story) {
      if (entry.kind != Kind::delete_done) continue;
      const bool overtaken = std::any_of(deliveries_.begin(), deliveries_.end(), [&](const Entry& delivery) {
        return delivery.attempt > entry.attempt && delivery.time_ns < entry.asked_ns;
      });
      if (overtaken) violate("I6 exclusivity", entry, "a stale handle deleted it");
    }
  }

  // --- all messages

  static bool queue_is_fifo(QueueName queue) { return queue == QueueName::orders; }

  /// Confirmed, and nobody ever saw it again.
  void check_losses() {
    for (std::size_t queue = 0; queue < queue_names.size(); ++queue) {
      auto seen = ended_[queue].begin();
      for (const Range& range : sent_[queue]) {
        for (std::uint64_t message = range.first; message < range.first + range.count; ++message) {
          while (seen != ended_[queue].end() && *seen < message) ++seen;
          if (!range.confirmed || (seen != ended_[queue].end() && *seen == message)) continue;
          Entry entry;
          entry.queue = static_cast<QueueName>(queue);
          entry.message = message;
          violate("I1 no loss", entry, "it was confirmed and nobody ever received it");
        }
      }
    }
  }

  /// A publish reached both chained queues or none.
  void check_fan_out() {
    const auto& ledger = ended_[static_cast<std::size_t>(QueueName::ledger)];
    const auto& lake = ended_[static_cast<std::size_t>(QueueName::lake)];
    std::vector<std::uint64_t> only_one;
    std::set_symmetric_difference(ledger.begin(), ledger.end(), lake.begin(), lake.end(), std::back_inserter(only_one));
    for (const std::uint64_t message : only_one) {
      Entry entry;
      entry.queue = QueueName::ledger;
      entry.message = message;
      violate("I5 fan-out", entry, "one of two chained queues has it");
    }
  }

  /// F1 to F3: what is delivered of a group is, in order, the lowest that has not left it.
  void check_groups() {
    for (std::uint64_t group = 0; group < groups; ++group) {
      std::vector<Life>& lives = lives_[group];
      std::vector<Entry>& deliveries = batches_[group];
      if (lives.empty()) continue;
      ++verdict_.groups;
      std::sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) { return a.sequence < b.sequence; });
      check_order_of_acceptance(lives);
      std::sort(deliveries.begin(), deliveries.end(), [](const Entry& a, const Entry& b) {
        return a.time_ns != b.time_ns ? a.time_ns < b.time_ns
               : a.client != b.client ? a.client < b.client
                                      : a.sequence < b.sequence;
      });
      std::size_t lowest = 0;
      for (std::size_t begin = 0, end = 0; begin < deliveries.size(); begin = end) {
        const Entry& first = deliveries[begin];
        while (end < deliveries.size() && deliveries[end].time_ns == first.time_ns && deliveries[end].client == first.client) ++end;
        while (lowest < lives.size() && lives[lowest].over_ns < first.time_ns) ++lowest;
        std::size_t next = lowest;
        for (std::size_t i = begin; i < end; ++i) {
          while (next < lives.size() && lives[next].sequence < deliveries[i].sequence && lives[next].over_ns < first.time_ns)
            ++next;
          if (next < lives.size() && lives[next].sequence < deliveries[i].sequence)
            violate("F1-F3 group order", deliveries[i],
                    "sequence " + std::to_string(lives[next].sequence) + " of its group was still there");
          while (next < lives.size() && lives[next].sequence <= deliveries[i].sequence) ++next;
        }
      }
    }
  }

  /// I13: the messages of one producer have the order in which it sent them.
  void check_order_of_acceptance(const std::vector<Life>& lives) {
    std::map<std::uint64_t, std::uint64_t> last;  // of each producer
    for (const Life& life : lives) {
      std::uint64_t& before = last[life.message >> 32U];
      if (life.message > before) {
        before = life.message;
        continue;
      }
      Entry entry;
      entry.queue = QueueName::orders;
      entry.message = life.message;
      entry.sequence = life.sequence;
      violate("I13 order of confirmation", entry, "it was accepted after a later one of its producer");
    }
  }

  std::vector<Entry>& entries_;
  Verdict verdict_;
  std::array<std::vector<Range>, queue_names.size()> sent_;
  std::array<std::vector<std::uint64_t>, queue_names.size()> ended_;  ///< messages that were seen, sorted
  std::array<std::vector<Life>, groups> lives_;
  std::array<std::vector<Entry>, groups> batches_;
  std::vector<Entry> deliveries_;  // of the message at hand
};

}  // namespace

Verdict check_history(std::vector<Entry>& entries) {
  return Checker{entries}.run();
}

}  // namespace remuda::chaos
