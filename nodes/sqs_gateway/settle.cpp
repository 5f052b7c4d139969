// Deleting messages and changing how long they stay hidden, by receipt handle; one by one and in batches.

#include <algorithm>

#include "nodes/sqs_gateway/batch.hpp"
#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using HandleErrors = Result<std::vector<wire::HandleError>>;
/// What became of one handle; `code` is empty when it was done.
using Judge = std::function<void(const std::string& code, std::function<void(Answered<void>)> done)>;

constexpr std::int64_t timeout_max_s = 43'200;

Answered<std::string> read_handle(const nlohmann::json& given) {
  Input in{given};
  const auto text = in.text("ReceiptHandle");
  if (in.error()) return Failure{*in.error()};
  auto handle = handle_of(text);
  if (!handle)
    return refuse(Fault::receipt_handle_is_invalid,
                  "The input receipt handle \"" + text.substr(0, 256) + "\" is not a valid receipt handle.");
  return std::move(*handle);
}

AwsError invalid_handle(const std::string& handle, std::string_view reason) {
  return {Fault::invalid_parameter_value, invalid_value(handle_text(handle), "ReceiptHandle", reason)};
}

/// An old handle deletes nothing. A standard queue says that it is well; a FIFO queue, whose group was open to others since, does not.
Answered<void> judge_delete(bool fifo, const std::string& handle, const std::string& code) {
  if (code.empty() || !fifo) return {};
  return Failure{invalid_handle(handle, "The receipt handle has expired.")};
}

/// Why a handle does not hold its message any more: it is visible again, or gone.
void judge_change(Desk& desk, const std::string& queue, const std::string& handle, const std::string& code,
                  std::function<void(Answered<void>)> done) {
  if (code.empty()) return done({});
  if (code == "invalid_visibility_timeout")
    return done(Failure{
        AwsError{Fault::invalid_parameter_value, "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"}});
  const auto sequence = sequence_of(handle);
  desk.broker().peek({queue, sequence, 1, {}}, [handle, sequence,
                                                done = std::move(done)](const Result<std::vector<wire::Peeked>>& found) {
    const bool is_there = found && !found->empty() && found->front().sequence == sequence;
    if (is_there && found->front().state != "in_flight")
      return done(Failure{AwsError{Fault::message_not_inflight, "The message referred to isn't in flight."}});
    done(Failure{invalid_handle(handle, is_there ? "The receipt handle has expired."
                                                 : "Message does not exist or is not available for visibility timeout change.")});
  });
}

/// Handles that are settled together, with the same timeout.
struct Group {
  std::vector<std::size_t> entries;  ///< of the batch
  std::chrono::milliseconds timeout{0};
};

struct Batch {
  Visit visit;
  std::string queue;
  bool fifo = false;
  std::vector<std::string> ids;
  std::vector<std::string> handles;
  BatchResults results;
  std::size_t unanswered = 0;

  void settle(std::size_t i, const Answered<void>& settled) {
    if (settled) results.succeed(ids[i]);
    if (!settled) results.fail(ids[i], settled.error());
    if (--unanswered == 0) visit.done(results.output());
  }
  [[nodiscard]] std::vector<std::string_view> handles_of(const Group& group) const {
    std::vector<std::string_view> out;
    for (const auto i : group.entries) out.emplace_back(handles[i]);
    return out;
  }
};

/// Each entry of the group by itself: its code, empty when it was done. A refusal of the whole request is each entry's.
void judge_each(const std::shared_ptr<Batch>& batch, const Group& group, const HandleErrors& errors,
                const std::function<void(std::size_t, const std::string&)>& judge) {
  if (!errors) {
    for (const auto i : group.entries) batch->settle(i, Failure{from_broker(errors.error())});
    return;
  }
  std::vector<std::string> codes(group.entries.size());
  for (const auto& error : *errors) codes[error.index] = error.code;
  for (std::size_t k = 0; k < group.entries.size(); ++k) judge(group.entries[k], codes[k]);
}

/// Reads the entries; those with a handle are left to be settled. Null when the visit has been answered.
std::shared_ptr<Batch> read_handles(const Visit& visit, std::string_view request_entry, bool fifo, const std::string& queue,
                                    const std::function<Answered<void>(const nlohmann::json&)>& read_more) {
  const auto read = read_batch(visit.call.input, request_entry);
  if (!read) {
    visit.done(Failure{read.error()});
    return nullptr;
  }
  auto batch = std::make_shared<Batch>();
  batch->visit = visit;
  batch->queue = queue;
  batch->fifo = fifo;
  for (const auto& entry : *read) {
    const auto handle = read_handle(*entry.given);
    if (!handle) {
      batch->results.fail(entry.id, handle.error());
      continue;
    }
    if (const auto more = read_more(*entry.given); !more) {
      batch->results.fail(entry.id, more.error());
      continue;
    }
    batch->ids.push_back(entry.id);
    batch->handles.push_back(*handle);
  }
  batch->unanswered = batch->handles.size();
  if (batch->unanswered > 0) return batch;
  visit.done(batch->results.output());
  return nullptr;
}

Answered<std::chrono::milliseconds> read_timeout(const nlohmann::json& given) {
  Input in{given};
  const auto timeout = in.integer("VisibilityTimeout", 0, timeout_max_s, "Must be between 0 and 43200, if provided.");
  if (!timeout) in.refuse(Fault::missing_parameter, "The request must contain the parameter VisibilityTimeout.");
  if (in.error()) return Failure{*in.error()};
  return std::chrono::milliseconds{std::chrono::seconds{*timeout}};
}

}  // namespace

void delete_message(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit), queue = *queue](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    const auto handle = read_handle(visit.call.input);
    if (!handle) return visit.done(Failure{handle.error()});
    const std::string_view view = *handle;
    desk.broker().delete_messages(queue, {&view, 1}, [visit, fifo = (*found)->fifo, handle = *handle](const HandleErrors& errors) {
      if (!errors) return visit.done(Failure{from_broker(errors.error())});
      const auto judged = judge_delete(fifo, handle, errors->empty() ? std::string{} : errors->front().code);
      if (!judged) return visit.done(Failure{judged.error()});
      visit.done(Output{});
    });
  });
}

void delete_message_batch(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit), queue = *queue](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    const auto batch = read_handles(visit, "DeleteMessageBatchRequestEntry", (*found)->fifo, queue,
                                    [](const nlohmann::json&) { return Answered<void>{}; });
    if (batch == nullptr) return;
    Group all;
    for (std::size_t i = 0; i < batch->handles.size(); ++i) all.entries.push_back(i);
    desk.broker().delete_messages(queue, batch->handles_of(all), [batch, all](const HandleErrors& errors) {
      judge_each(batch, all, errors, [&](std::size_t i, const std::string& code) {
        batch->settle(i, judge_delete(batch->fifo, batch->handles[i], code));
      });
    });
  });
}

void change_message_visibility(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit), queue = *queue](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    const auto handle = read_handle(visit.call.input);
    if (!handle) return visit.done(Failure{handle.error()});
    const auto timeout = read_timeout(visit.call.input);
    if (!timeout) return visit.done(Failure{timeout.error()});
    const std::string_view view = *handle;
    desk.broker().change_visibility(queue, {&view, 1}, *timeout,
                                    [&desk, visit, queue, handle = *handle](const HandleErrors& errors) {
                                      if (!errors) return visit.done(Failure{from_broker(errors.error())});
                                      judge_change(desk, queue, handle, errors->empty() ? std::string{} : errors->front().code,
                                                   [visit](const Answered<void>& judged) {
                                                     if (!judged) return visit.done(Failure{judged.error()});
                                                     visit.done(Output{});
                                                   });
                                    });
  });
}

void change_message_visibility_batch(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit), queue = *queue](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    std::vector<std::chrono::milliseconds> timeouts;
    const auto batch = read_handles(visit, "ChangeMessageVisibilityBatchRequestEntry", (*found)->fifo, queue,
                                    [&](const nlohmann::json& given) -> Answered<void> {
                                      const auto timeout = read_timeout(given);
                                      if (!timeout) return Failure{timeout.error()};
                                      timeouts.push_back(*timeout);
                                      return {};
                                    });
    if (batch == nullptr) return;
    std::map<std::chrono::milliseconds, Group> groups;
    for (std::size_t i = 0; i < timeouts.size(); ++i) groups[timeouts[i]].entries.push_back(i);
    for (auto& [timeout, group] : groups) {
      desk.broker().change_visibility(queue, batch->handles_of(group), timeout,
                                      [&desk, batch, group = group](const HandleErrors& errors) {
                                        judge_each(batch, group, errors, [&](std::size_t i, const std::string& code) {
                                          judge_change(desk, batch->queue, batch->handles[i], code,
                                                       [batch, i](const Answered<void>& judged) { batch->settle(i, judged); });
                                        });
                                      });
    }
  });
}

}  // namespace remuda::sqs
