#include "nodes/wild_rydes/participant.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "common/msgpack_reader.hpp"

namespace remuda::rides {

namespace {

constexpr std::chrono::milliseconds forget_interval{60'000};
constexpr std::int64_t forget_max = 1'000;
constexpr const char* unavailable = "ServiceUnavailable";
constexpr std::string_view failed_type = "task.failed";
constexpr std::chrono::milliseconds pause_first{50};
constexpr std::chrono::milliseconds pause_max{2'000};

/// FNV-1a, then mixed: the same everywhere.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31U);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json described(const OperationError& error) {
  return {{"Error", error.error}, {"Cause", error.cause}};
}

Message json_message(std::string type, const Json& body) {
  Message message;
  message.type = std::move(type);
  message.datacontenttype = "application/json";
  message.body = dump(body);
  return message;
}

std::chrono::milliseconds pause_after(std::uint32_t receive_count) {
  return std::min(pause_first * (1U << std::min(receive_count, 10U)), pause_max);
}

}  // namespace

NodeDescription Participant::describe() const {
  std::vector<PortDescription> ports{
      {.name = "requests", .direction = Direction::input, .message = "task", .wants_acknowledgement = true, .optional = true},
      {.name = "replies", .direction = Direction::output, .message = "task.reply", .wants_acknowledgement = true, .optional = true},
      {.name = "ask", .direction = Direction::input, .message = "task", .request = true, .optional = true},
      {.name = "events", .direction = Direction::input, .message = "event", .wants_acknowledgement = true, .optional = true},
      {.name = "happened", .direction = Direction::output, .message = "event", .wants_acknowledgement = true, .optional = true}};
  ports.insert(ports.end(), identity_.ports.begin(), identity_.ports.end());
  return {.name = identity_.executable,
          .summary = identity_.summary,
          .ports = std::move(ports),
          .parameters = {FailureInjection::parameter(),
                         {"lost_answers", ParameterType::number, "0.0",
                          "share of the answers that say ServiceUnavailable although it was done"},
                         {"on", ParameterType::table, "{}", "choreography: event = operation"},
                         {"insist", ParameterType::list, "[]",
                          "choreography: operations that are tried until they succeed; in the end a dead letter"},
                         {"remember", ParameterType::duration, "\"30d\"", "how long answers are kept for repetitions"}}};
}

void Participant::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  fail_ = FailureInjection{parameters};
  lost_answers_ = parameters.number("lost_answers");
  if (!(lost_answers_ >= 0 && lost_answers_ <= 1)) throw std::invalid_argument{"parameter lost_answers: it is a share from 0 to 1"};
  remember_ = parameters.duration("remember");
  const auto check = [&](const std::string& name, const Json& operation) {
    const auto& known = identity_.operations;
    if (operation.is_string() && std::find(known.begin(), known.end(), operation.get<std::string>()) != known.end())
      return operation.get<std::string>();
    std::string all;
    for (const auto& each : known) all += (all.empty() ? "" : ", ") + each;
    throw std::invalid_argument{"parameter " + name + ": " + dump(operation) + " is no operation; there are " + all};
  };
  for (const auto& [event, operation] : parameters.json("on").items()) on_[event] = check("on", operation);
  for (const auto& operation : parameters.json("insist")) insists_.insert(check("insist", operation));
  database_ = std::make_unique<Database>(
      context.data_folder() + "/" + identity_.executable + ".sqlite",
      "CREATE TABLE answer (key TEXT PRIMARY KEY, body TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
      "CREATE INDEX answer_age ON answer (at_ms);" +
          identity_.schema,
      1);
  transaction_ = std::make_unique<BatchTransaction>(*database_);
  find_ = database_->prepare("SELECT body FROM answer WHERE key = ?");
  keep_ = database_->prepare("INSERT INTO answer VALUES (?, ?, ?)");
  forget_ = database_->prepare("DELETE FROM answer WHERE key IN (SELECT key FROM answer WHERE at_ms < ? LIMIT ?)");
  prepare(*database_);
  context.every(forget_interval, [this] {
    transaction_->apply([this] { forget_.run(now_ms() - remember_.count(), forget_max); });
    commit();
  });
}

void Participant::commit() {
  if (!transaction_->is_open()) return;
  try {
    transaction_->commit();
  } catch (const StoreError&) {
    transaction_->roll_back();
    throw;
  }
}

Outcome Participant::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "requests" || port == "ask") return on_request(port, message, out);
  if (port == "events") return on_event(message, out);
  return on_other(port, message, out);
}

Outcome Participant::on_other(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

Answer Participant::answer_to(const std::string& operation, const std::string& key, const Message& message, const Outbox& out,
                              const Json& input) {
  const bool is_known = find_.rows(std::string_view{key}).step();
  Json earlier = is_known ? Json::parse(find_.text(0), nullptr, false) : Json(nullptr);
  find_.reset();
  if (is_known) {
    context_->count("repeated");
    return earlier;
  }
  if (const auto fault = fail_.strikes(message, out.delivery())) {
    context_->count("faults");
    return refused(unavailable, *fault);
  }
  Answer answer = refused(unavailable, "");
  struct Undone {};
  try {
    transaction_->apply([&] {
      answer = perform(operation, input);
      if (!answer) throw Undone{};
      keep_.run(std::string_view{key}, std::string_view{dump(*answer)}, now_ms());
    });
  } catch (const Undone&) {
    context_->count(operation + ".failed");
    return answer;
  }
  context_->count(operation + ".done");
  const double drawn = static_cast<double>(hash_of("lost/" + message.id) >> 11U) * 0x1.0p-53;
  if (drawn < lost_answers_ && out.delivery().receive_count == 1) {
    context_->count("lost_answers");
    return refused(unavailable, "the answer was lost on purpose");
  }
  return answer;
}

Outcome Participant::on_request(std::string_view port, const Message& message, Outbox& out) {
  const auto& known = identity_.operations;
  const auto given = message.attributes.find("idempotency-key");
  const std::string key = given == message.attributes.end() ? message.id : given->second.value;
  Answer answer = refused("UnknownOperation", "'" + message.type + "' is no operation of " + identity_.executable);
  if (std::find(known.begin(), known.end(), message.type) != known.end())
    answer = answer_to(message.type, key, message, out, json_of(message));
  Message reply =
      answer ? json_message(message.type + ".done", *answer) : json_message(std::string{failed_type}, described(answer.error()));
  reply.subject = message.subject;
  if (port == "ask") {
    out.reply(std::move(reply));
  } else {
    reply.correlation_id = message.correlation_id;
    out.send("replies", std::move(reply));
  }
  return Outcome::done;
}

Outcome Participant::on_event(const Message& message, Outbox& out) {
  const auto found = on_.find(message.type);
  if (found == on_.end()) return Outcome::done;
  const std::string& operation = found->second;
  Json input = json_of(message);
  if (!input.is_object() || message.correlation_id.empty()) return Outcome::reject.because("no JSON object under a correlation id");
  const Answer answer = answer_to(operation, message.correlation_id + "/" + operation, message, out, input);
  if (!answer && (answer.error().error == unavailable || insists_.contains(operation)))
    return Outcome::retry_later.because(answer.error().error + ": " + answer.error().cause)
        .after(pause_after(out.delivery().receive_count));
  input.erase("error");
  if (answer && answer->is_object()) input.update(*answer);
  if (!answer) input["error"] = described(answer.error());
  Message event = json_message(operation + (answer ? ".done" : ".failed"), input);
  event.id = derived_message_id(message.correlation_id, event.type, 0);
  event.correlation_id = message.correlation_id;
  event.subject = message.subject;
  event.attributes["event"] = {"String", event.type};
  out.send("happened", std::move(event));
  return Outcome::done;
}

std::int64_t Participant::now_ms() const {
  return to_unix_ms(context_->clock().wall_now());
}

Json json_of(const Message& message) {
  Json json = message.datacontenttype != "application/json" && is_msgpack(message.body)
                  ? Json::from_msgpack(message.body, true, false)
                  : Json::parse(message.body, nullptr, false);
  return json.is_discarded() ? Json(nullptr) : json;
}

std::string text_of(const Json& object, std::string_view name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : dump(*found);
}

std::optional<OperationError> missing(const Json& input, const std::vector<std::string>& fields) {
  std::string names;
  for (const auto& field : fields) {
    if (text_of(input, field).empty()) names += (names.empty() ? "" : ", ") + field;
  }
  if (names.empty()) return std::nullopt;
  return OperationError{"ValueError", "missing: " + names};
}

Result<Money, OperationError> amount_of(const Json& input) {
  std::string text = text_of(input, "fareAmount");
  if (text.starts_with('$')) text.erase(0, 1);
  const auto decimal = Decimal::parse(text);
  if (!decimal) return refused("ValueError", "fareAmount " + decimal.error().message);
  const auto money = Money::from(*decimal);
  if (!money) return refused("ValueError", "fareAmount " + money.error().message);
  if (money->cents <= 0) return refused("ValueError", "fareAmount must be more than nothing");
  return *money;
}

bool doomed(std::string_view customer, std::string_view failure) {
  static constexpr std::array<std::string_view, 6> failures{"fail_register", "fail_auth",   "fail_charge",
                                                            "fail_credit",   "fail_refund", "fail_release"};
  for (bool ends = true; ends;) {
    ends = false;
    for (const auto known : failures) {
      if (!customer.ends_with(known)) continue;
      if (known == failure) return true;
      customer.remove_suffix(known.size());
      while (customer.ends_with('_') || customer.ends_with('-')) customer.remove_suffix(1);
      ends = true;
    }
  }
  return false;
}

std::string code_for(std::string_view prefix, std::string_view what) {
  static constexpr std::string_view characters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string code{prefix};
  for (int i = 0; i < 25; ++i) {
    code += characters[hash_of(std::string{prefix} + std::string{what} + std::to_string(i)) % characters.size()];
  }
  return code;
}

}  // namespace remuda::rides
