#pragma once
// Saga orchestrator: runs sagas that are written in the Amazon States Language, for any topology.
//
//   ports  = { start = "saga-start", replies = "saga-replies", charge = "card-payments", ended = "saga-ended", sagas = "sagas" }
//   params = { definitions = { fare = "${file:../configs/sagas/fare.asl.json}" }, reply_to = "saga-replies", saga_id = "body.fareId" }
//
// A message on `start` starts a saga, once for each saga id. A task goes as a message to the port that its Resource names
// (task_messages.hpp), which may be wired to a queue, whose answers come to `replies`, or to a request channel. Every event is in the
// history, and synced, before anything that follows from it leaves; what then does not leave because the process is
// killed leaves after the restart, under the same message ids and the same idempotency keys. Timers are part of the history.
//
// An error that nobody catches does not end a saga: it is stuck, visible, and waits for retry, skip or stop (saga_questions.hpp). ORCHESTRATOR.md
// beside this file has the picture and what it promises.

#include <functional>

#include "common/filter/selector.hpp"
#include "common/node.hpp"
#include "nodes/saga_orchestrator/saga_questions.hpp"
#include "nodes/saga_orchestrator/sagas.hpp"
#include "nodes/saga_orchestrator/task_messages.hpp"

namespace remuda::saga {

class SagaOrchestrator final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override;

 private:
  // constant after start
  NodeContext* context_ = nullptr;
  std::string reply_to_;
  std::optional<Selector> saga_id_;  ///< absent: the correlation id
  std::chrono::milliseconds keep_ended_{};
  bool tells_end_ = false;
  std::map<std::string, Resource, std::less<>> resources_;
  std::unique_ptr<SagaStore> store_;
  std::unique_ptr<Sagas> sagas_;

  /// What leaves by itself, not as the output of a message: once the transaction is durable.
  struct Departure {
    std::string saga;
    std::function<void()> leave;
  };
  std::vector<Departure> departures_;
  std::map<std::string, int> on_the_way_;  ///< by saga: departures that are not confirmed or answered yet
  std::set<std::string> damaged_;          ///< sagas whose history could not be read
  bool flush_is_posted_ = false;
  std::uint64_t ticks_ = 0;

  void read_definitions(std::map<std::string, Pinned, std::less<>>& definitions);
  const Resource& resource(const std::string& text);

  Outcome on_start(const Message& message, Outbox& out);
  Outcome on_reply(const Message& message, Outbox& out);
  Message answer(const Message& message, Outbox& out);
  Message list(const Question& question);
  Message show(const Question& question);
  Message operate(const Question& question, Outbox& out);

  Result<Sagas::Change> start_saga(const std::string& id, const std::string& definition, Json input);
  /// An event that comes by itself: committed soon, with its neighbours.
  void apply_alone(const std::string& id, const Event& event);
  void send_again(const std::string& id, Outbox& out);

  /// Carries effects out: as outputs of the message being handled, where there is one.
  void carry_out(const std::string& id, const Effects& effects, Outbox* out);
  void request(const std::string& id, const RequestTask& request, Outbox* out);
  void publish(const std::string& id, const RequestTask& request, std::string port, Message message);
  void ask(const std::string& id, const RequestTask& request, std::string port, Message message);
  void send(const std::string& id, std::string port, Message message, Outbox* out);
  void depart(const std::string& id, std::function<void()> leave);
  void arrived(const std::string& id);

  void tick();
  void flush();
  [[nodiscard]] Time now() const;
};

}  // namespace remuda::saga
