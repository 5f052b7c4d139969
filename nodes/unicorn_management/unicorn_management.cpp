#include "nodes/unicorn_management/unicorn_management.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

namespace remuda::rides {
namespace {

constexpr std::chrono::milliseconds tick_interval{50};

double share(const Parameters& parameters, const std::string& name) {
  const double value = parameters.number(name);
  if (!(value >= 0 && value <= 1)) throw std::invalid_argument{"parameter " + name + ": it is a share from 0 to 1"};
  return value;
}

}  // namespace

NodeDescription UnicornManagement::describe() const {
  return {.name = "unicorn_management",
          .summary = "answers requests for quotes, if it is available",
          .ports = {{.name = "requests", .direction = Direction::input, .message = "rfq.submitted"},
                    {.name = "quotes", .direction = Direction::output, .message = "rfq.quote", .wants_acknowledgement = true}},
          .parameters = {{"availability", ParameterType::number, "0.5", "the share of requests that it answers"},
                         {"delay_max", ParameterType::duration, "\"8s\"", "how long an answer takes at most"},
                         {"delay_step", ParameterType::duration, "\"1s\"", "it takes a whole number of these"},
                         {"quote_max", ParameterType::integer, "100", "quotes are whole numbers from 0 to this"},
                         {"declines", ParameterType::boolean, "false", "says so when it is not available"},
                         {"stray", ParameterType::number, "0.0", "share of answers that come twice, with a foreign one behind"},
                         {"seed", ParameterType::integer, "1", "equal seeds give equal answers to equal requests"}}};
}

void UnicornManagement::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  name_ = context.node_name() + (context.replica() == 0 ? "" : "-" + std::to_string(context.replica() + 1));
  availability_ = share(parameters, "availability");
  stray_ = share(parameters, "stray");
  delay_step_ = std::max(parameters.duration("delay_step"), std::chrono::milliseconds{1});
  delay_steps_ = parameters.duration("delay_max") / delay_step_;
  quote_max_ = std::max<std::int64_t>(0, parameters.integer("quote_max"));
  declines_ = parameters.boolean("declines");
  seed_ = static_cast<std::uint64_t>(parameters.integer("seed"));
  context.every(tick_interval, [this] { send_due(); });
}

Outcome UnicornManagement::on_message(std::string_view, const Message& request, Outbox& out) {
  const std::string text = std::to_string(seed_) + "/" + name_ + "/" + request.correlation_id;
  std::seed_seq seed(text.begin(), text.end());
  std::mt19937_64 random{seed};
  const auto draw = [&] { return static_cast<double>(random() >> 11U) * 0x1.0p-53; };  // the same in every standard library
  const auto whole = [&](std::int64_t most) { return static_cast<std::int64_t>(draw() * static_cast<double>(most + 1)); };
  context_->count("requests");
  if (draw() >= availability_) {
    context_->count("unavailable");
    if (!declines_) return Outcome::done;
    Message decline = answer_to(request, 0);
    decline.type = "rfq.declined";
    out.send("quotes", std::move(decline));
    return Outcome::done;
  }
  const auto due = context_->clock().now() + whole(delay_steps_) * delay_step_;
  const Message answer = answer_to(request, whole(quote_max_));
  pending_.push_back({due, answer});
  if (draw() >= stray_) return Outcome::done;
  Message again = answer;
  again.id = derived_message_id(answer.id, "again", 0);
  Message foreign = answer;
  foreign.id = derived_message_id(answer.id, "foreign", 0);
  foreign.correlation_id = foreign.id;
  pending_.push_back({due, std::move(again)});
  pending_.push_back({due, std::move(foreign)});
  return Outcome::done;
}

Message UnicornManagement::answer_to(const Message& request, std::int64_t quote) const {
  Message answer;
  answer.id = derived_message_id(request.correlation_id, name_, 0);
  answer.source = name_;
  answer.type = "rfq.quote";
  answer.correlation_id = request.correlation_id;
  answer.traceparent = request.traceparent;
  answer.datacontenttype = "application/json";
  answer.body = nlohmann::ordered_json{{"responder", name_}, {"rfq-id", request.correlation_id}, {"quote", quote}}.dump();
  return answer;
}

void UnicornManagement::send_due() {
  const auto now = context_->clock().now();
  const auto later = std::stable_partition(pending_.begin(), pending_.end(), [&](const Pending& each) { return each.due <= now; });
  for (auto each = pending_.begin(); each != later; ++each) {
    context_->count("quotes");
    context_->send("quotes", std::move(each->answer), [](const Result<void>&) {});
  }
  pending_.erase(pending_.begin(), later);
}

}  // namespace remuda::rides
