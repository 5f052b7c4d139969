#include "nodes/prebooking_preprocessor/prebooking_preprocessor.hpp"

#include <stdexcept>

#include "common/http/http_messages.hpp"
#include "common/http/task.hpp"
#include "nodes/wild_rydes/prebooking.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

NodeDescription PrebookingPreprocessor::describe() const {
  return {.name = "prebooking_preprocessor",
          .summary = "checks submitted prebookings and forwards them",
          .ports = {{.name = "submit",
                     .direction = Direction::input,
                     .message = std::string{http::request_type},
                     .request = true,
                     .optional = true},
                    {.name = "submissions",
                     .direction = Direction::input,
                     .message = std::string{prebooking_submit_type},
                     .wants_acknowledgement = true,
                     .optional = true},
                    {.name = "bookings",
                     .direction = Direction::output,
                     .message = std::string{prebooking_submitted_type},
                     .wants_acknowledgement = true}},
          .parameters = {{"eta", ParameterType::duration, "\"5s\"", "when clients are told to ask for their prebooking"},
                         FailureInjection::parameter()}};
}

void PrebookingPreprocessor::start(NodeContext& context) {
  context_ = &context;
  fail_ = FailureInjection{context.parameters()};
  eta_ = context.parameters().duration("eta");
}

Outcome PrebookingPreprocessor::on_message(std::string_view port, const Message& message, Outbox& out) {
  context_->count(figure::received);
  if (const auto failure = fail_.strikes(message, out.delivery())) throw std::runtime_error{*failure};
  const bool is_asked = port == "submit";
  auto booking = read_prebooking(message.body);
  if (!booking) {
    context_->count(figure::rejected);
    if (!is_asked) return Outcome::reject.because(to_json(booking.error()));
    out.reply(http::response_message(booking.error()));
    return Outcome::done;
  }
  booking->id = http::task_id(message.id);
  out.send("bookings", prebooking_submitted(*booking, context_->node_name()));
  if (is_asked) {
    const auto path = prebooking_path(booking->id);
    out.reply(http::response_message(202, http::running_task(booking->id, path, eta_), path));
  }
  context_->count(figure::processed);
  return Outcome::done;
}

}  // namespace remuda::rides
