#pragma once
// What all services that hear of completed rides have in common: a queue of rides in, a ledger, and questions about it.
// A service adds its tables, what it records of a ride, and what it answers.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/failure_injection.hpp"
#include "common/http/http_messages.hpp"
#include "common/node.hpp"
#include "nodes/wild_rydes/ledger.hpp"
#include "nodes/wild_rydes/ride.hpp"

namespace remuda::rides {

/// Ports: `rides` (input, ride.completed) and `query` (request, optional). Figures, durable and summed over the replicas:
/// `received` (deliveries), `processed` (rides recorded), `redelivered` (deliveries after a ride's first), `repeated` (rides that
/// were recorded already), `failed`, `rejected`, `dropped` (rides that the service does not want).
class RideService : public Node {
 public:
  struct Identity {
    std::string executable;  ///< "customer_accounting"; also names the store: DATA/customer_accounting.sqlite
    std::string summary;
    std::string schema;                                 ///< the service's own tables
    std::vector<ParameterDescription> parameters = {};  ///< beside `fail`
  };
  explicit RideService(Identity identity) : identity_{std::move(identity)} {}

  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override;

 protected:
  /// Called once, when the store is open: prepare statements here.
  virtual void prepare(Database& database) = 0;
  /// Records one ride; called once per ride, whatever is redelivered. May throw: then nothing of it stays.
  virtual void record(const Ride& ride) = 0;
  /// Answers a question. One with `totals` in its query never comes here: it is answered with totals().
  virtual Message answer(const http::RoutedRequest& question) = 0;
  /// JSON members about the whole ledger, each followed by a comma: `"balance":256.50,`. May be empty.
  virtual std::string totals_json() { return {}; }
  /// False: the ride is none of this service's business; it is counted as `dropped` and leaves no other trace.
  [[nodiscard]] virtual bool wants(const Message& message) const {
    static_cast<void>(message);
    return true;
  }
  [[nodiscard]] Ledger& ledger() { return *ledger_; }
  /// Adds one to a figure, here and in the ledger.
  void count(std::string_view figure);
  [[nodiscard]] NodeContext& context() { return *context_; }
  /// The totals and all figures: `{"balance":256.50,"rides":1,"failed":0,"processed":1,...}`.
  Message totals();

 private:
  Identity identity_;
  NodeContext* context_ = nullptr;
  FailureInjection fail_;
  bool log_rides_ = false;
  std::unique_ptr<Ledger> ledger_;

  Outcome on_ride(const Message& message, Outbox& out);
  Outcome on_question(const Message& message, Outbox& out);
  void log_ride(const Ride& ride, const char* status) const;
};

}  // namespace remuda::rides
