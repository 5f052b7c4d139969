#pragma once
// Reads a stream as a member of a consumer group: takes the next batch of a partition that nobody of the group holds, gives its records
// out in their order, and confirms them in that order, each portion in the transaction of what came of it.
//
// A record that fails takes back what was given out after it: the lease ends, and the rest of the batch is taken again, by
// whoever of the group comes first. So order holds within a partition, also across failures and replicas.

#include <deque>
#include <list>
#include <string>

#include "common/channel.hpp"
#include "common/channels/broker_connection.hpp"
#include "common/runtime/prefetch_window.hpp"

namespace remuda {

struct StreamReader {
  std::string stream;
  std::string group;
  bool from_latest = false;  ///< where a new group begins
  std::uint32_t batch = 256;
  std::chrono::milliseconds visibility_timeout{30'000};  ///< of a batch, counted anew with every part that is confirmed
};

class StreamInput final : public InputChannel {
 public:
  static constexpr std::chrono::seconds take_wait{20};
  static constexpr std::chrono::milliseconds pause_after_error{1'000};

  /// `connection` must outlive the channel.
  StreamInput(BrokerConnection& connection, StreamReader reader)
      : connection_{connection}, reader_{std::move(reader)}, window_{reader_.batch} {}

  void turn(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override;
  bool take(Incoming& incoming) override;
  [[nodiscard]] BrokerConnection* broker() const override { return &connection_; }
  [[nodiscard]] bool settles_in_order() const override { return true; }
  [[nodiscard]] bool holds(const std::string& ticket) const override;
  /// The tickets of one lease are one checkpoint behind the last of them; a failure is given alone.
  void add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome, Transaction& transaction) const override;
  void keep(std::span<const std::string_view> tickets, std::chrono::milliseconds time) override;
  void settled(const std::string& ticket, const Settlement& settlement) override;
  void observe(std::size_t count, Duration took) override { window_.observe(count, took); }
  void drain() override;
  [[nodiscard]] std::uint64_t malformed() const override { return malformed_; }

 private:
  /// A batch that is held.
  struct Held {
    std::string lease;
    std::uint64_t next = 0;  ///< everything before it is confirmed
    std::uint64_t end = 0;
    std::size_t unsettled = 0;  ///< records given out
    bool is_lost = false;       ///< it settles nothing any more
    Instant renew_at{};         ///< while this process lives and turns, its leases do not run out
    std::string damage;         ///< why the record at `end` cannot be read; empty: the batch ends there
  };

  void ask();
  void on_taken(const Result<wire::StreamBatch>& taken);
  [[nodiscard]] std::list<Held>::iterator held_by(std::string_view ticket);
  void drop_waiting(std::string_view lease);
  void finish(std::list<Held>::iterator held);
  void end_lease(const Held& held, std::string_view end, std::string_view reason);

  // Constant after construction.
  BrokerConnection& connection_;
  StreamReader reader_;

  PrefetchWindow window_;
  std::list<Held> held_;
  std::deque<Incoming> waiting_;
  bool asking_ = false;
  bool draining_ = false;
  Instant now_{};
  Instant paused_until_ = Instant::max();  ///< after an error: when to ask again
  std::string last_error_;
  std::uint64_t malformed_ = 0;
};

}  // namespace remuda
