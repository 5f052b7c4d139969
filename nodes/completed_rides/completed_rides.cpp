#include "nodes/completed_rides/completed_rides.hpp"

#include <stdexcept>

#include "common/http/http_messages.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

namespace {

/// How often events of other replicas, and events that could not be sent, are looked for.
constexpr std::chrono::milliseconds relay_interval{50};

bool same_content(Ride a, const Ride& b) {
  a.id = b.id;
  a.completed_ms = b.completed_ms;
  return a == b;
}

}  // namespace

NodeDescription CompletedRides::describe() const {
  return {
      .name = "completed_rides",
      .summary = "keeps submitted rides and publishes each as ride.completed",
      .ports = {{.name = "submit", .direction = Direction::input, .message = std::string{http::request_type}, .request = true},
                {.name = "completed",
                 .direction = Direction::output,
                 .message = std::string{ride_completed_type},
                 .wants_acknowledgement = true}},
      .parameters = {{"answer", ParameterType::text, "\"stored\"",
                      "when a ride is answered: stored (its event follows by itself), or heard (by every channel of `completed`)"},
                     FailureInjection::parameter()}};
}

void CompletedRides::start(NodeContext& context) {
  context_ = &context;
  fail_ = FailureInjection{context.parameters()};
  const std::string answer = context.parameters().text("answer");
  if (answer != "stored" && answer != "heard")
    throw std::invalid_argument{"parameter answer: it is stored or heard, not '" + answer + "'"};
  answers_when_heard_ = answer == "heard";
  store_ = std::make_unique<RideStore>(context.data_folder() + "/completed_rides.sqlite");
  relay_ = std::make_unique<OutboxRelay>(store_->database(), store_->transaction(), context, "completed",
                                         context.data_folder() + "/relay.lock");
  context.every(relay_interval, [this] { relay_->tick(); });
  relay_->relay();
}

Outcome CompletedRides::on_message(std::string_view, const Message& request, Outbox& out) {
  if (const auto failure = fail_.strikes(request, out.delivery())) throw std::runtime_error{*failure};
  if (request.type == "ride.submit") {
    out.reply(submit(request, out));
    return Outcome::done;
  }
  const auto question = question_of(request);
  if (!question) return Outcome::reject.because(question.error().message);
  if (question->method == "POST") {
    out.reply(submit(request, out));
  } else if (question->query.contains("totals")) {
    out.reply(totals());
  } else {
    const auto& parts = request.type == http::request_type ? question->path : question->query;
    const auto id = parts.find("id");
    out.reply(get(id == parts.end() ? std::string_view{} : std::string_view{id->second}));
  }
  return Outcome::done;
}

Message CompletedRides::submit(const Message& request, Outbox& out) {
  context_->count(figure::received);
  auto ride = submitted_ride_of(request);
  if (!ride) {
    context_->count(figure::rejected);
    return http::response_message({400, ride.error().detail, ride.error().errors});
  }
  if (const auto earlier = store_->find_by_request(request.id)) {
    context_->count(figure::repeated);
    if (!same_content(*ride, *earlier))
      return http::response_message({422, "this Idempotency-Key came with another ride before", {}});
    if (answers_when_heard_) tell(*earlier, out);  // its client would not ask again if everybody had heard of it
    return http::response_message(201, representation(*earlier), ride_path(earlier->id));
  }
  // The outbox would take it, and grow as long as the queues behind it are full.
  if (const auto why = context_->held_back(); !why.empty()) {
    context_->count("held_back");
    return http::response_message(
        {503, "no more rides are taken at present (" + why + "); repeat the request with the same Idempotency-Key", {}});
  }
  ride->id = new_message_id();
  ride->completed_ms = to_unix_ms(context_->clock().wall_now());
  store_->transaction().apply([&] {
    store_->add(*ride, request.id);
    if (!answers_when_heard_) tell(*ride, out);
  });
  if (answers_when_heard_) tell(*ride, out);
  context_->count(figure::processed);
  return http::response_message(201, representation(*ride), ride_path(ride->id));
}

void CompletedRides::tell(const Ride& ride, Outbox& out) {
  auto event = ride_completed(ride, context_->node_name());
  if (answers_when_heard_) {
    out.send("completed", std::move(event));
  } else {
    relay_->add(event);
  }
}

Message CompletedRides::get(std::string_view id) {
  const auto ride = store_->find(id);
  if (!ride) return http::response_message({404, "there is no ride '" + std::string{id} + "'", {}});
  return http::response_message(200, representation(*ride));
}

Message CompletedRides::totals() {
  return http::response_message(
      200, "{\"rides\":" + std::to_string(store_->count()) + ",\"outbox\":" + std::to_string(relay_->waiting()) + "}");
}

void CompletedRides::commit() {
  if (!store_->transaction().is_open()) return;
  try {
    relay_->delete_confirmed();
    store_->transaction().commit();
  } catch (const StoreError&) {
    store_->transaction().roll_back();
    throw;
  }
  relay_->relay();
}

}  // namespace remuda::rides
