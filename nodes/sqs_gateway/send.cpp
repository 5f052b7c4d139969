// SendMessage and its batch. A batch is one request to the queue node, stored in one record; only when that is refused are its entries
// sent one by one, so that each gets an answer of its own.

#include <algorithm>

#include "nodes/sqs_gateway/batch.hpp"
#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using Sequences = Result<std::vector<std::uint64_t>>;

Output result_of(const SentEntry& entry, const std::string& id, std::optional<std::uint64_t> sequence) {
  Output out{{"MessageId", id}, {"MD5OfMessageBody", entry.md5_of_body}};
  if (!entry.md5_of_attributes.empty()) out["MD5OfMessageAttributes"] = entry.md5_of_attributes;
  if (!entry.md5_of_system_attributes.empty()) out["MD5OfMessageSystemAttributes"] = entry.md5_of_system_attributes;
  if (sequence) out["SequenceNumber"] = sequence_text(*sequence);
  return out;
}

void send(Desk& desk, const std::string& queue, const std::vector<SentEntry>& entries, Callback<std::vector<std::uint64_t>> done) {
  std::vector<std::string> packed;
  packed.reserve(entries.size());
  wire::Send command{queue, {}};
  for (const auto& entry : entries) {
    command.messages.emplace_back(packed.emplace_back(pack(entry.message)));
  }
  if (std::any_of(entries.begin(), entries.end(), [](const SentEntry& entry) { return entry.delay_ms.has_value(); })) {
    for (const auto& entry : entries) command.delays_ms.push_back(entry.delay_ms);
  }
  desk.broker().send(command, std::move(done));
}

/// A repetition of a message that a FIFO queue has taken within five minutes gets the answer of the first one, id and all, as long as
/// that is still there.
void answer_sent(Desk& desk, const std::string& queue, bool fifo, const SentEntry& entry, std::uint64_t sequence,
                 const std::function<void(Output)>& done) {
  if (!fifo) return done(result_of(entry, entry.message.id, std::nullopt));
  if (desk.is_new_sequence(queue, sequence)) return done(result_of(entry, entry.message.id, sequence));
  desk.broker().peek({queue, sequence, 1, {}}, [entry, sequence, done](const Result<std::vector<wire::Peeked>>& found) {
    auto id = entry.message.id;
    if (found && !found->empty() && found->front().sequence == sequence) {
      if (const auto first = unpack_message(found->front().message)) id = first->id;
    }
    done(result_of(entry, id, sequence));
  });
}

/// A batch on its way.
struct Batch {
  Visit visit;
  std::string queue;
  bool fifo = false;
  std::vector<std::string> ids;
  std::vector<SentEntry> entries;
  BatchResults results;
  std::size_t unanswered = 0;

  void settle() {
    if (--unanswered == 0) visit.done(results.output());
  }
};

void answer_batch(Desk& desk, const std::shared_ptr<Batch>& batch, std::size_t i, std::uint64_t sequence) {
  answer_sent(desk, batch->queue, batch->fifo, batch->entries[i], sequence, [batch, i](Output result) {
    batch->results.succeed(batch->ids[i], std::move(result));
    batch->settle();
  });
}

void send_one_by_one(Desk& desk, const std::shared_ptr<Batch>& batch) {
  for (std::size_t i = 0; i < batch->entries.size(); ++i) {
    send(desk, batch->queue, {batch->entries[i]}, [&desk, batch, i](const Sequences& sequences) {
      if (sequences) return answer_batch(desk, batch, i, sequences->empty() ? 0 : sequences->front());
      batch->results.fail(batch->ids[i], from_broker(sequences.error()));
      batch->settle();
    });
  }
}

void send_batch(Desk& desk, const std::shared_ptr<Batch>& batch) {
  batch->unanswered = batch->entries.size();
  if (batch->entries.empty()) return batch->visit.done(batch->results.output());
  send(desk, batch->queue, batch->entries, [&desk, batch](const Sequences& sequences) {
    if (sequences) {
      for (std::size_t i = 0; i < batch->entries.size(); ++i)
        answer_batch(desk, batch, i, i < sequences->size() ? (*sequences)[i] : 0);
      return;
    }
    const auto error = from_broker(sequences.error());
    const bool is_about_one_entry = error.is_senders() && error.fault != Fault::queue_does_not_exist && batch->entries.size() > 1;
    if (is_about_one_entry) return send_one_by_one(desk, batch);
    if (batch->entries.size() > 1 || !error.is_senders() || error.fault == Fault::queue_does_not_exist)
      return batch->visit.done(Failure{error});
    batch->results.fail(batch->ids.front(), error);
    batch->settle();
  });
}

/// Errors: `batch_request_too_long`, and what is wrong with the batch itself; what is wrong with an entry is among the results.
Answered<void> read_entries(Batch& batch, const SendRules& rules) {
  const auto read = read_batch(batch.visit.call.input, "SendMessageBatchRequestEntry");
  if (!read) return Failure{read.error()};
  std::int64_t size = 0;
  for (const auto& entry : *read) {
    auto message = read_message(*entry.given, rules);
    if (!message) {
      batch.results.fail(entry.id, message.error());
      continue;
    }
    size += size_of(message->message);
    batch.ids.push_back(entry.id);
    batch.entries.push_back(std::move(*message));
  }
  if (size > message_size_max)
    return refuse(Fault::batch_request_too_long, "Batch requests cannot be longer than " + std::to_string(message_size_max) +
                                                     " bytes. You have sent " + std::to_string(size) + " bytes.");
  return {};
}

}  // namespace

void send_message(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit), queue = *queue](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    const auto rules = send_rules_of(**found);
    auto entry = read_message(visit.call.input, rules);
    if (!entry) return visit.done(Failure{entry.error()});
    send(desk, queue, {*entry}, [&desk, visit, queue, fifo = rules.fifo, entry = *entry](const Sequences& sequences) {
      if (!sequences) return visit.done(Failure{from_broker(sequences.error())});
      answer_sent(desk, queue, fifo, entry, sequences->empty() ? 0 : sequences->front(),
                  [visit](Output result) { visit.done(std::move(result)); });
    });
  });
}

void send_message_batch(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit), queue = *queue](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    const auto batch = std::make_shared<Batch>();
    batch->visit = visit;
    batch->queue = queue;
    const auto rules = send_rules_of(**found);
    batch->fifo = rules.fifo;
    if (auto read = read_entries(*batch, rules); !read) return visit.done(Failure{read.error()});
    send_batch(desk, batch);
  });
}

}  // namespace remuda::sqs
