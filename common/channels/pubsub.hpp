#pragma once
// The publishing end of a topic without a broker: XPUB, direct to every live subscriber, kept nowhere. The first messages wait
// until as many subscribers are there as the launch file promises, so that nobody misses the beginning. Subscribers' filters are
// evaluated here, each once for every message, however many subscribers have it.

#include <map>
#include <string>
#include <vector>

#include "common/channel.hpp"
#include "common/channels/gathered.hpp"
#include "common/filter/filter_policy.hpp"
#include "common/socket.hpp"

namespace remuda {

class PubSubOutput final : public OutputChannel {
 public:
  /// How long the first message waits for subscribers that do not come.
  static constexpr std::chrono::seconds barrier_time{10};
  /// Different filters at a time; further ones are told nothing. A launch file has a few.
  static constexpr std::size_t filters_max = 64;

  /// Listens. `clock` must outlive the channel. Throws std::runtime_error when an endpoint cannot be bound.
  PubSubOutput(Context& context, const std::vector<std::string>& endpoints, std::string topic, std::size_t expected_subscribers,
               const Clock& clock);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override;
  void turn(Instant now) override;
  void flush() override;
  [[nodiscard]] Instant next_deadline() const override;
  /// Confirmed as soon as it is handed to the transport: a subscriber that is too slow misses it and counts the gap.
  void send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) override;
  [[nodiscard]] std::size_t subscribers() const { return subscribers_; }
  /// Holds everybody up: whoever subscribes gets the same. After a replacement it goes on when as many subscribe as before.
  void hold(std::span<const std::string> endpoints) override;
  void resume(std::span<const std::string> endpoints, bool replaced) override;
  /// Only the beginning waits for subscribers: who has begun goes on.
  void rewire(std::span<const std::string> endpoints, std::size_t subscribers) override;
  void append_sent(std::vector<SentUpTo>& sent) const override;

 private:
  /// A filter that subscribers have, and the numbering of what passed it: so that they see what they missed of it.
  struct Filtered {
    FilterPolicy policy;
    std::string sender;
    std::uint64_t next_sequence = 1;
    std::size_t subscribers = 0;
    std::uint64_t first_of_receiver = 1;
  };
  void read_subscriptions();
  void on_subscription(std::string_view prefix, bool came);
  void publish_filtered(std::span<const std::string_view> packed_messages);

  // Constant after construction.
  std::vector<std::string> endpoints_;
  std::string topic_;
  const Clock& clock_;
  std::string sender_;

  Socket socket_;
  Frame subscription_;
  std::size_t subscribers_ = 0;
  std::size_t expected_;  ///< subscribers, before it begins or goes on
  bool open_;
  bool held_ = false;
  bool one_has_to_go_ = false;  ///< who is to be replaced is still among the subscribers
  Instant barrier_ends_ = Instant::max();
  direct::Gathered waiting_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t first_of_receiver_ = 1;                    ///< what went before it went to a process that was replaced
  std::map<std::string, Filtered, std::less<>> filtered_;  ///< by what is subscribed to
  std::string frame_;
  std::string filtered_frame_;
};

}  // namespace remuda
