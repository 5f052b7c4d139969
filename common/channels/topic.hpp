#pragma once
// A live subscription to a topic of a broker: what is published from now on, kept nowhere. Gaps are counted. The broker filters.

#include <deque>
#include <string>

#include "common/channel.hpp"
#include "common/channels/broker_connection.hpp"

namespace remuda {

class TopicInput final : public InputChannel {
 public:
  /// More than this waiting unhandled: the oldest are dropped and counted as missed.
  static constexpr std::size_t waiting_max = 10'000;

  /// `connection` must outlive the channel.
  TopicInput(BrokerConnection& connection, const std::string& topic, const LiveFilter& filter = {});

  bool take(Incoming& incoming) override;
  void drain() override { draining_ = true; }
  [[nodiscard]] bool ready() const override { return subscribed_; }
  [[nodiscard]] std::uint64_t missed() const override { return missed_; }
  [[nodiscard]] std::uint64_t malformed() const override { return malformed_; }

 private:
  void on_event(std::string_view packed_message, std::uint64_t missed);

  std::deque<Message> waiting_;
  bool subscribed_ = false;
  bool draining_ = false;
  std::uint64_t missed_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace remuda
