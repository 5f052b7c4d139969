#pragma once
// A port on a queue, and an output on a topic of a broker: both are places on a broker that confirm what they store.

#include <deque>
#include <string>

#include "common/channel.hpp"
#include "common/channels/broker_connection.hpp"
#include "common/runtime/prefetch_window.hpp"

namespace remuda {

/// Takes from a queue with credit: one receive is always outstanding while there is room in the window, so the next messages are on
/// their way while a handler works. What lies here unstarted beyond the window goes back to the queue, its receive not counted.
class QueueInput final : public InputChannel {
 public:
  static constexpr std::chrono::seconds receive_wait{20};
  static constexpr std::chrono::milliseconds pause_after_error{1'000};

  /// `connection` must outlive the channel.
  QueueInput(BrokerConnection& connection, std::string queue, std::size_t prefetch);

  void turn(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override { return paused_until_; }
  bool take(Incoming& incoming) override;
  [[nodiscard]] BrokerConnection* broker() const override { return &connection_; }
  void add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome, Transaction& transaction) const override;
  void keep(std::span<const std::string_view> tickets, std::chrono::milliseconds time) override {
    connection_.keep(queue_, tickets, time);
  }
  void settled(const std::string& ticket, const Settlement& settlement) override;
  void observe(std::size_t count, Duration took) override;
  void drain() override;
  [[nodiscard]] std::uint64_t malformed() const override { return malformed_; }

 private:
  void ask();
  void on_received(const Result<BrokerConnection::Received>& received);
  void release_beyond(std::size_t count);

  // Constant after construction.
  BrokerConnection& connection_;
  std::string queue_;

  PrefetchWindow window_;
  std::deque<Incoming> waiting_;
  std::size_t unsettled_ = 0;  ///< taken, not settled yet
  bool asking_ = false;
  bool draining_ = false;
  Instant now_{};
  Instant paused_until_ = Instant::max();  ///< after an error: when to ask again
  std::string last_error_;
  std::uint64_t malformed_ = 0;
};

/// Puts into a queue, publishes to a topic of a broker, or appends to a stream, which finds the partition by the message's key.
class BrokerOutput final : public OutputChannel {
 public:
  enum class Kind { queue, topic, stream };
  BrokerOutput(BrokerConnection& connection, Kind kind, std::string channel);

  void send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) override;
  [[nodiscard]] BrokerConnection* broker() const override { return &connection_; }
  void add_messages(std::span<const std::string_view> packed_messages, Transaction& transaction) const override;

 private:
  BrokerConnection& connection_;
  Kind kind_;
  std::string channel_;
};

}  // namespace remuda
