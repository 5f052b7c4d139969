#pragma once
// Participant of a saga: a service with a few operations, each of which is done once however often it is asked for.
//
// A request names the operation by its type and carries an `idempotency-key`: a success is kept in the same transaction as its effect and given
// again under that key; a failure has no effect and is not kept. Asked over queues it answers on `replies` under the
// request's correlation id, asked over a request channel it answers there; a failure is a message `task.failed` with `Error` and `Cause`.
//
// Without an orchestrator (choreography) it listens to `events`: `on` says which event leads to which operation, and what became of it is
// an event on `happened`, `OPERATION.done` or `OPERATION.failed`, whose body is that of the event before with the answer added.
//
// Faults can be made: `fail` lets a share of the requests fail before anything was done, `lost_answers` after everything was. An
// orchestrator tries again; with choreography the event comes again. `customerId` may end in `fail_auth`, `fail_charge`, ... (doomed()).

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/failure_injection.hpp"
#include "common/node.hpp"
#include "nodes/wild_rydes/decimal.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

using Json = nlohmann::json;

/// Why an operation was not done: the error that a saga catches, and its cause for people.
struct OperationError {
  std::string error;
  std::string cause;
};
using Answer = Result<Json, OperationError>;
inline Failure<OperationError> refused(std::string error, std::string cause) {
  return {OperationError{std::move(error), std::move(cause)}};
}

class Participant : public Node {
 public:
  struct Identity {
    std::string executable;  ///< also names the store: DATA/EXECUTABLE.sqlite
    std::string summary;
    std::vector<std::string> operations;
    std::string schema;
    std::vector<PortDescription> ports = {};  ///< beside those of every participant
  };
  explicit Participant(Identity identity) : identity_{std::move(identity)} {}

  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override;

 protected:
  /// Called once, when the store is open: prepare statements here.
  virtual void prepare(Database& database) = 0;
  /// Does one operation within the present transaction. An error must leave nothing behind: its effects are undone.
  virtual Answer perform(const std::string& operation, const Json& input) = 0;
  /// A message on a port of its own.
  virtual Outcome on_other(std::string_view port, const Message& message, Outbox& out);

  [[nodiscard]] NodeContext& context() { return *context_; }
  [[nodiscard]] BatchTransaction& transaction() { return *transaction_; }
  [[nodiscard]] std::int64_t now_ms() const;

 private:
  Identity identity_;
  NodeContext* context_ = nullptr;
  FailureInjection fail_;
  double lost_answers_ = 0;
  std::map<std::string, std::string> on_;  ///< event to operation
  std::set<std::string> insists_;
  std::chrono::milliseconds remember_{};
  std::unique_ptr<Database> database_;
  std::unique_ptr<BatchTransaction> transaction_;
  Statement find_, keep_, forget_;

  Answer answer_to(const std::string& operation, const std::string& key, const Message& message, const Outbox& out,
                   const Json& input);
  Outcome on_request(std::string_view port, const Message& message, Outbox& out);
  Outcome on_event(const Message& message, Outbox& out);
};

/// The body as JSON; null when it is none.
[[nodiscard]] Json json_of(const Message& message);
/// The text of a member; empty when there is none.
[[nodiscard]] std::string text_of(const Json& object, std::string_view name);
/// The names of those fields that are missing or empty, in one error `ValueError`.
[[nodiscard]] std::optional<OperationError> missing(const Json& input, const std::vector<std::string>& fields);
/// "$20.00", "20", 20: what it comes to. Errors: `ValueError`.
[[nodiscard]] Result<Money, OperationError> amount_of(const Json& input);
/// Is `failure` among what the customer's id ends in? `cmr_fail_credit_fail_refund` ends in both.
[[nodiscard]] bool doomed(std::string_view customer, std::string_view failure);
/// `prefix` and 25 letters and digits: equal for equal `what`.
[[nodiscard]] std::string code_for(std::string_view prefix, std::string_view what);

}  // namespace remuda::rides
