#pragma once
// The live subscribers of one topic. Events are collected during a turn and sent after it; a subscriber that has not taken
// its window of events misses the next ones, which shows as a gap in its sequence numbers. Nobody is ever waited for.

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/engine/commands.hpp"
#include "common/filter/filter_policy.hpp"
#include "common/message.hpp"

namespace remuda::broker {

class LiveFeed {
 public:
  /// Events per frame at most.
  static constexpr std::uint32_t chunk_messages_max = 256;
  /// A window holds some frames, so that a subscriber that credits by quarters never stands still.
  static constexpr std::uint32_t window_min = 4 * chunk_messages_max;
  static constexpr std::size_t chunk_bytes_max = 256 * 1024;
  static constexpr std::uint32_t window_max = 65'536;

  void add(std::uint64_t subscription, ClientId client, FilterPolicy policy, bool filtered, std::uint32_t window);
  bool remove(std::uint64_t subscription, ClientId client);
  /// The subscriber has taken every event up to `sequence`.
  void credit(std::uint64_t subscription, ClientId client, std::uint64_t sequence);

  /// Takes a copy of the message for whoever wants it.
  void publish(const MessageView& message);
  /// Gives each collected frame to `send`; false means that the subscriber missed it.
  void flush(const std::function<bool(ClientId, std::string_view frame)>& send);

  [[nodiscard]] bool empty() const { return subscribers_.empty(); }
  [[nodiscard]] bool pending() const { return pending_; }
  [[nodiscard]] std::size_t size() const { return subscribers_.size(); }
  /// Whom each subscription belongs to.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, ClientId>> subscriptions() const {
    std::vector<std::pair<std::uint64_t, ClientId>> out;
    for (const Subscriber& each : subscribers_) out.emplace_back(each.subscription, each.client);
    return out;
  }
  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  /// Packed messages that travel in one frame.
  struct Chunk {
    std::string messages;
    std::uint32_t count = 0;
  };
  using Chunks = std::vector<Chunk>;
  struct Sent {
    std::uint64_t last = 0;  ///< sequence number of its last event
    std::uint32_t count = 0;
  };
  struct Subscriber {
    std::uint64_t subscription = 0;
    ClientId client = 0;
    FilterPolicy policy;
    bool filtered = false;
    std::uint32_t window = 0;
    std::uint64_t next = 1;         ///< sequence number of the next event
    std::deque<Sent> sent;          ///< frames that it has not credited yet
    std::uint64_t outstanding = 0;  ///< events in them
    Chunks own;                     ///< filtered subscribers collect for themselves, the others share `shared_`
  };

  static void append(Chunks& chunks, std::string_view packed);
  void send_chunk(Subscriber& subscriber, const Chunk& chunk, const std::function<bool(ClientId, std::string_view)>& send);

  std::vector<Subscriber> subscribers_;
  Chunks shared_;
  std::string frame_;
  std::uint64_t missed_ = 0;
  std::size_t unfiltered_ = 0;
  bool pending_ = false;
};

}  // namespace remuda::broker
