#include "common/channels/broker_connection.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace remuda {
namespace {

class SocketBrokerConnection final : public BrokerConnection {
 public:
  SocketBrokerConnection(const std::string& endpoint, ClientIdentity identity, const Clock& clock)
      : client_{endpoint, std::move(identity), clock}, waiting_since_{clock.now()} {}

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override { client_.append_poll_items(items); }

  void turn(Instant now) override {
    client_.tick();
    if (client_.connected() != connected_) {
      connected_ = client_.connected();
      if (connected_) {
        // The ordinary connect at a start is not worth a line; one that had to be waited for is.
        if (complained_) log_info("the broker is there", {{"endpoint", client_.endpoint()}});
        complained_ = false;
      } else {
        waiting_since_ = now;
      }
    }
    if (!connected_ && !complained_ && now >= waiting_since_ + patience) {
      complained_ = true;
      log_warning("the broker cannot be reached: waiting for it", {{"endpoint", client_.endpoint()}});
    }
  }

  [[nodiscard]] Instant next_deadline() const override {
    const auto complaint = connected_ || complained_ ? Instant::max() : waiting_since_ + patience;
    return std::min(client_.next_deadline(), complaint);
  }

  [[nodiscard]] const std::string& endpoint() const override { return client_.endpoint(); }

  void receive(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait, Callback<Received> done) override {
    client_.receive(queue, max, wait, std::move(done));
  }
  void take(const wire::StreamTake& take, Callback<wire::StreamBatch> done) override { client_.take(take, std::move(done)); }
  void transact(const Transaction& transaction, Callback<Unit> done) override { client_.transact(transaction, std::move(done)); }
  void release(std::string_view queue, std::span<const std::string_view> handles) override {
    client_.release(queue, handles, [](const Result<std::vector<wire::HandleError>>&) {});
  }
  void keep(std::string_view queue, std::span<const std::string_view> handles, std::chrono::milliseconds time) override {
    client_.change_visibility(queue, handles, time, [](const Result<std::vector<wire::HandleError>>&) {});
  }
  void subscribe(std::string_view topic, const LiveFilter& filter, EventHandler on_event, Callback<Unit> done) override {
    client_.subscribe(topic, std::move(on_event), std::move(done), filter.policy, filter.on_attributes);
  }
  void cancel_receives() override { client_.cancel_receives(); }
  [[nodiscard]] std::size_t receiving() const override { return client_.receiving(); }
  [[nodiscard]] std::size_t unanswered() const override { return client_.unanswered(); }

 private:
  static constexpr std::chrono::seconds patience{1};

  BrokerClient client_;
  bool connected_ = false;
  bool complained_ = false;
  Instant waiting_since_;
};

}  // namespace

std::unique_ptr<BrokerConnection> connect_broker(const std::string& endpoint, ClientIdentity identity, const Clock& clock) {
  return std::make_unique<SocketBrokerConnection>(endpoint, std::move(identity), clock);
}

}  // namespace remuda
