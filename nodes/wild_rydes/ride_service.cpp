#include "nodes/wild_rydes/ride_service.hpp"

#include <stdexcept>

#include "common/log.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

NodeDescription RideService::describe() const {
  std::vector<ParameterDescription> parameters = identity_.parameters;
  parameters.push_back(
      {"log_rides", ParameterType::boolean, "false", "log a line for every ride: msg-id and status PROCESSED or FAILED"});
  parameters.push_back(FailureInjection::parameter());
  return {.name = identity_.executable,
          .summary = identity_.summary,
          .ports = {{.name = "rides",
                     .direction = Direction::input,
                     .message = std::string{ride_completed_type},
                     .wants_acknowledgement = true},
                    {.name = "query",
                     .direction = Direction::input,
                     .message = std::string{http::request_type},
                     .request = true,
                     .optional = true}},
          .parameters = std::move(parameters)};
}

void RideService::start(NodeContext& context) {
  context_ = &context;
  fail_ = FailureInjection{context.parameters()};
  log_rides_ = context.parameters().boolean("log_rides");
  ledger_ =
      std::make_unique<Ledger>(context.data_folder() + "/" + identity_.executable + ".sqlite", identity_.schema, context.clock());
  prepare(ledger_->database());
}

Outcome RideService::on_message(std::string_view port, const Message& message, Outbox& out) {
  return port == "query" ? on_question(message, out) : on_ride(message, out);
}

void RideService::count(std::string_view figure) {
  ledger_->tally(figure);
  context_->count(figure);
}

Outcome RideService::on_ride(const Message& message, Outbox& out) {
  count(figure::received);
  if (out.delivery().receive_count > 1) count(figure::redelivered);
  const auto ride = ride_of(message);
  if (!ride) {
    count(figure::rejected);
    return Outcome::reject.because(ride.error().message);  // it will be as wrong the next time
  }
  if (!wants(message)) {
    count(figure::dropped);
    return Outcome::done;
  }
  try {
    if (const auto failure = fail_.strikes(message, out.delivery())) throw std::runtime_error{*failure};
    const auto applied = ledger_->apply(message.id, [&] { record(*ride); });
    count(applied == Ledger::Applied::first_time ? figure::processed : figure::repeated);
    log_ride(*ride, "PROCESSED");
  } catch (const std::exception&) {
    count(figure::failed);
    log_ride(*ride, "FAILED");
    throw;
  }
  return Outcome::done;
}

void RideService::log_ride(const Ride& ride, const char* status) const {
  if (log_rides_) log_info("ride", {{"msg-id", ride.id}, {"status", status}});
}

Outcome RideService::on_question(const Message& message, Outbox& out) {
  const auto question = question_of(message);
  if (!question) {
    out.reply(http::response_message({400, question.error().message, {}}));
  } else {
    out.reply(question->query.contains("totals") ? totals() : answer(*question));
  }
  return Outcome::done;
}

Message RideService::totals() {
  return http::response_message(200, "{" + totals_json() + figures_json(ledger_->tallies()) + "}");
}

void RideService::commit() {
  ledger_->commit();
}

}  // namespace remuda::rides
