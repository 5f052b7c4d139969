// Moving messages out of a dead-letter queue: Amazon's message move tasks are the queue node's moves.

#include <algorithm>

#include "nodes/sqs_gateway/digest.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using Queues = std::vector<wire::QueueInfo>;
using Moves = std::vector<wire::MoveInfo>;

const wire::QueueInfo* find(const Queues& queues, std::string_view name) {
  const auto found = std::find_if(queues.begin(), queues.end(), [&](const wire::QueueInfo& info) { return info.queue == name; });
  return found == queues.end() ? nullptr : &*found;
}

/// A task handle holds the number of the move and its queue.
std::string task_handle(std::uint32_t move, std::string_view queue) {
  return base64(nlohmann::ordered_json{{"taskId", std::to_string(move)}, {"sourceArn", queue_arn(queue)}}.dump());
}

std::optional<std::uint32_t> move_of_handle(std::string_view handle) {
  const auto text = from_base64(handle);
  const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Input in{json};
  const auto number = in.integer("taskId", 1, UINT32_MAX, "");
  return number ? std::optional{static_cast<std::uint32_t>(*number)} : std::nullopt;
}

/// The queue of an ARN, or why it names none.
std::string queue_of_arn(Input& in, std::string_view parameter, const std::string& arn) {
  const auto name = name_of_arn(arn, "sqs");
  if (!is_queue_name(name))
    in.refuse(Fault::invalid_parameter_value, invalid_value(arn, parameter, "The ARN does not name a queue."));
  return std::string{name};
}

std::string status_of(const wire::MoveInfo& move) {
  std::string status = move.status;
  std::transform(status.begin(), status.end(), status.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return status;
}

Output show_task(const wire::MoveInfo& move, const wire::QueueInfo& source) {
  const bool is_running = move.status == "running";
  auto out = Output::object();
  if (is_running) out["TaskHandle"] = task_handle(move.move, move.queue);
  out["Status"] = status_of(move);
  out["SourceArn"] = queue_arn(move.queue);
  if (!move.to.empty()) out["DestinationArn"] = queue_arn(move.to);
  if (move.max_per_second > 0) out["MaxNumberOfMessagesPerSecond"] = move.max_per_second;
  out["ApproximateNumberOfMessagesMoved"] = move.moved;
  out["ApproximateNumberOfMessagesToMove"] = move.moved + (is_running ? source.visible : 0);
  out["StartedTimestamp"] = move.started_ms;
  return out;
}

Failure<AwsError> no_such_resource(std::string text) {
  return refuse(Fault::resource_not_found, std::move(text));
}

Answered<void> check_move(const Queues& queues, const wire::StartMove& move) {
  if (find(queues, move.queue) == nullptr)
    return no_such_resource("The resource that you specified for the SourceArn parameter doesn't exist.");
  const bool is_dead_letter_queue = std::any_of(
      queues.begin(), queues.end(), [&](const wire::QueueInfo& queue) { return queue.dead_letter_queue == move.queue; });
  if (!is_dead_letter_queue)
    return refuse(Fault::invalid_parameter_value, "Source queue must be configured as a Dead Letter Queue.");
  if (!move.to.empty() && find(queues, move.to) == nullptr)
    return no_such_resource("The resource that you specified for the DestinationArn parameter doesn't exist.");
  return {};
}

}  // namespace

void start_message_move_task(Desk& desk, Visit visit) {
  constexpr std::int64_t rate_max = 500;
  Input in{visit.call.input};
  const auto source = queue_of_arn(in, "SourceArn", in.text("SourceArn"));
  const auto destination_arn = in.text_if_any("DestinationArn");
  const auto destination = destination_arn ? queue_of_arn(in, "DestinationArn", *destination_arn) : std::string{};
  const auto rate = in.integer("MaxNumberOfMessagesPerSecond", 1, rate_max, "Must be between 1 and 500, if provided.");
  if (in.error()) return visit.done(Failure{*in.error()});
  desk.with_queues([&desk, visit = std::move(visit), source, destination, rate](const Answered<Queues>& queues) {
    if (!queues) return visit.done(Failure{queues.error()});
    const wire::StartMove move{source, destination, {}, static_cast<std::uint32_t>(rate.value_or(0))};
    if (const auto checked = check_move(*queues, move); !checked) return visit.done(Failure{checked.error()});
    desk.broker().start_move(move, [visit, source](const Result<std::uint64_t>& started) {
      if (!started && started.error().code == "move_in_progress")
        return visit.done(
            refuse(Fault::unsupported_operation,
                   "There is already a task running. Only one active task is allowed for a source queue arn at a given time."));
      if (!started) return visit.done(Failure{from_broker(started.error())});
      visit.done(Output{{"TaskHandle", task_handle(static_cast<std::uint32_t>(*started), source)}});
    });
  });
}

void list_message_move_tasks(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto source = queue_of_arn(in, "SourceArn", in.text("SourceArn"));
  const auto max = in.integer("MaxResults", 1, 10, "Must be between 1 and 10, if provided.").value_or(1);
  if (in.error()) return visit.done(Failure{*in.error()});
  desk.with_fresh_queue(source, [&desk, visit = std::move(visit), source, max](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(no_such_resource("The resource that you specified for the SourceArn parameter doesn't exist."));
    desk.broker().list_moves([visit, source, max, info = **found](Result<Moves> moves) {
      if (!moves) return visit.done(Failure{from_broker(moves.error())});
      std::erase_if(*moves, [&](const wire::MoveInfo& move) { return move.queue != source; });
      std::sort(moves->begin(), moves->end(), [](const auto& a, const auto& b) { return a.move > b.move; });  // the newest first
      Output output{{"Results", Output::array()}};
      for (const auto& move : *moves) {
        if (output["Results"].size() < static_cast<std::size_t>(max)) output["Results"].push_back(show_task(move, info));
      }
      visit.done(std::move(output));
    });
  });
}

void cancel_message_move_task(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto handle = in.text("TaskHandle");
  const auto number = move_of_handle(handle);
  if (!number) in.refuse(Fault::invalid_parameter_value, invalid_value(handle, "TaskHandle", "The task handle is invalid."));
  if (in.error()) return visit.done(Failure{*in.error()});
  desk.broker().list_moves([&desk, visit = std::move(visit), number = *number](const Result<Moves>& moves) {
    if (!moves) return visit.done(Failure{from_broker(moves.error())});
    const auto found = std::find_if(moves->begin(), moves->end(), [&](const wire::MoveInfo& move) { return move.move == number; });
    if (found == moves->end()) return visit.done(no_such_resource("Task does not exist."));
    if (found->status != "running") return visit.done(refuse(Fault::unsupported_operation, "Only active tasks can be cancelled."));
    desk.broker().cancel_move(number, [visit, moved = found->moved](const Result<Unit>& cancelled) {
      if (!cancelled) return visit.done(Failure{from_broker(cancelled.error())});
      visit.done(Output{{"ApproximateNumberOfMessagesMoved", moved}});
    });
  });
}

}  // namespace remuda::sqs
