#include "nodes/prebooking_processor/prebooking_processor.hpp"

#include <optional>
#include <stdexcept>

#include "common/http/http_messages.hpp"
#include "common/http/task.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

NodeDescription PrebookingProcessor::describe() const {
  return {.name = "prebooking_processor",
          .summary = "makes prebookings, keeps them and answers for them",
          .ports = {{.name = "submit",
                     .direction = Direction::input,
                     .message = std::string{http::request_type},
                     .request = true,
                     .optional = true},
                    {.name = "bookings",
                     .direction = Direction::input,
                     .message = std::string{prebooking_submitted_type},
                     .wants_acknowledgement = true,
                     .optional = true},
                    {.name = "query",
                     .direction = Direction::input,
                     .message = std::string{http::request_type},
                     .request = true,
                     .optional = true}},
          .parameters = {
              {"work", ParameterType::duration, "\"0ms\"", "how long it takes to make one prebooking"},
              {"eta", ParameterType::duration, "\"5s\"", "when clients are told to ask for a prebooking that is on its way"},
              {"lifetime", ParameterType::duration, "\"14d\"", "for how long after its submission a prebooking may be on its way"},
              FailureInjection::parameter()}};
}

void PrebookingProcessor::start(NodeContext& context) {
  context_ = &context;
  fail_ = FailureInjection{context.parameters()};
  work_ = context.parameters().duration("work");
  eta_ = context.parameters().duration("eta");
  lifetime_ = context.parameters().duration("lifetime");
  hears_of_bookings_ = context.is_wired("bookings");
  ledger_ = std::make_unique<Ledger>(
      context.data_folder() + "/prebooking_processor.sqlite",
      "CREATE TABLE prebooking (id TEXT PRIMARY KEY, customer TEXT NOT NULL, origin TEXT NOT NULL, destination TEXT NOT "
      "NULL, at TEXT NOT NULL) WITHOUT ROWID;",
      context.clock());
  Database& database = ledger_->database();
  insert_ = database.prepare("INSERT INTO prebooking VALUES (?, ?, ?, ?, ?)");
  find_ = database.prepare("SELECT customer, origin, destination, at FROM prebooking WHERE id = ?");
  count_ = database.prepare("SELECT count(*) FROM prebooking");
}

Outcome PrebookingProcessor::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "query") return on_question(message, out);
  count(figure::received);
  if (out.delivery().receive_count > 1) count(figure::redelivered);
  return port == "submit" ? on_submit(message, out) : on_booking(message, out);
}

Outcome PrebookingProcessor::on_booking(const Message& message, Outbox& out) {
  const auto booking = prebooking_of(message);
  if (!booking) {
    count(figure::rejected);
    return Outcome::reject.because(booking.error().message);
  }
  make(*booking, message, out.delivery());
  return Outcome::done;
}

Outcome PrebookingProcessor::on_submit(const Message& request, Outbox& out) {
  auto booking = read_prebooking(request.body);
  if (!booking) {
    count(figure::rejected);
    out.reply(http::response_message(booking.error()));
    return Outcome::done;
  }
  booking->id = http::task_id(request.id);
  const auto earlier = find(booking->id);
  if (earlier && *earlier != *booking) {
    out.reply(http::response_message({422, "this Idempotency-Key came with another prebooking before", {}}));
    return Outcome::done;
  }
  make(*booking, request, out.delivery());
  out.reply(http::response_message(201, representation(*booking), prebooking_path(booking->id)));
  return Outcome::done;
}

void PrebookingProcessor::make(const Prebooking& booking, const Message& message, const Delivery& delivery) {
  try {
    if (const auto failure = fail_.strikes(message, delivery)) throw std::runtime_error{*failure};
    const auto applied = ledger_->apply(booking.id, [&] {
      context_->clock().wait_until(context_->clock().now() + work_);
      insert_.run(std::string_view{booking.id}, std::string_view{booking.customer}, std::string_view{booking.from},
                  std::string_view{booking.to}, std::string_view{booking.when});
    });
    count(applied == Ledger::Applied::first_time ? figure::processed : figure::repeated);
  } catch (const std::exception&) {
    count(figure::failed);
    throw;
  }
}

Outcome PrebookingProcessor::on_question(const Message& message, Outbox& out) {
  const auto question = question_of(message);
  if (!question) {
    out.reply(http::response_message({400, question.error().message, {}}));
  } else if (question->query.contains("totals")) {
    out.reply(totals());
  } else {
    const auto& parts = message.type == http::request_type ? question->path : question->query;
    const auto id = parts.find("id");
    out.reply(answer(id == parts.end() ? std::string{} : id->second));
  }
  return Outcome::done;
}

Message PrebookingProcessor::answer(const std::string& id) {
  if (const auto booking = find(id)) return http::response_message(200, representation(*booking));
  const auto now_ms = to_unix_ms(context_->clock().wall_now());
  if (hears_of_bookings_ && http::may_be_task(id, now_ms, lifetime_))
    return http::response_message(200, http::running_task(id, prebooking_path(id), http::eta_left(id, now_ms, eta_)));
  return http::response_message({404, "there is no prebooking '" + id + "'", {}});
}

Message PrebookingProcessor::totals() {
  count_.rows().step();
  const std::int64_t bookings = count_.integer(0);
  count_.reset();
  return http::response_message(200, "{\"prebookings\":" + std::to_string(bookings) + "," + figures_json(ledger_->tallies()) + "}");
}

std::optional<Prebooking> PrebookingProcessor::find(std::string_view id) {
  std::optional<Prebooking> booking;
  if (find_.rows(id).step()) booking = Prebooking{std::string{id}, find_.text(0), find_.text(1), find_.text(2), find_.text(3)};
  find_.reset();
  return booking;
}

void PrebookingProcessor::count(std::string_view figure) {
  ledger_->tally(figure);
  context_->count(figure);
}

}  // namespace remuda::rides
