#pragma once
// One broker as channels use it: every queue and topic of a process that lives on the same broker shares this connection, so that
// taking from one and putting into another can be one atomic request.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/broker_client.hpp"
#include "common/channel.hpp"
#include "common/channels/live_filter.hpp"

namespace remuda {

class BrokerConnection : public EventSource {
 public:
  using Received = std::span<const wire::Received>;
  using EventHandler = std::function<void(std::string_view packed_message, std::uint64_t missed)>;

  [[nodiscard]] virtual const std::string& endpoint() const = 0;
  /// Answered when something is visible, or empty after `wait`. Error `unreachable`: ask again.
  virtual void receive(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait, Callback<Received> done) = 0;
  /// Answered with a batch of a stream and its lease, or with none after the wait that it says. Error `unreachable`: ask again.
  virtual void take(const wire::StreamTake& take, Callback<wire::StreamBatch> done) = 0;
  /// All or nothing; kept and resent until answered.
  virtual void transact(const Transaction& transaction, Callback<Unit> done) = 0;
  /// Gives messages back that were never started; a stale handle is of no interest.
  virtual void release(std::string_view queue, std::span<const std::string_view> handles) = 0;
  /// Hides messages in flight for `time` from now on; a stale handle is of no interest.
  virtual void keep(std::string_view queue, std::span<const std::string_view> handles, std::chrono::milliseconds time) = 0;
  virtual void subscribe(std::string_view topic, const LiveFilter& filter, EventHandler on_event, Callback<Unit> done) = 0;
  /// Receives and takes that wait are answered soon: with nothing, or with what was already on its way.
  virtual void cancel_receives() = 0;
  /// Receives and takes that may still bring something: who leaves before would take it along until its visibility timeout.
  [[nodiscard]] virtual std::size_t receiving() const = 0;
  /// Changes whose answer is not there yet.
  [[nodiscard]] virtual std::size_t unanswered() const = 0;
};

/// The connection over a socket. `clock` must outlive it.
[[nodiscard]] std::unique_ptr<BrokerConnection> connect_broker(const std::string& endpoint, ClientIdentity identity,
                                                               const Clock& clock);

}  // namespace remuda
