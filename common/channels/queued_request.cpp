#include "common/channels/queued_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/channels/broker_connection.hpp"
#include "common/channels/direct_wire.hpp"

namespace remuda {
namespace {

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4U];
    text += digits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

void ignore(const Result<Unit>& /*answer*/) {}

/// What was taken and needs no answer: another process may be given it again, which does no harm.
void forget(BrokerConnection& connection, const std::string& queue, std::span<const std::string_view> tickets) {
  Transaction transaction;
  transaction.delete_messages(queue, tickets);
  connection.transact(transaction, ignore);
}

std::string attribute_of(const Message& message, std::string_view name) {
  const auto found = message.attributes.find(std::string{name});
  return found == message.attributes.end() ? std::string{} : found->second.value;
}

}  // namespace

// ---- asking

QueuedRequestOutput::QueuedRequestOutput(BrokerConnection& connection, std::string queue, const std::string& reply_queue,
                                         std::size_t prefetch, const Clock& clock)
    : connection_{connection},
      queue_{std::move(queue)},
      reply_queue_{reply_queue},
      clock_{clock},
      asker_{hexadecimal(direct::new_sender())},
      replies_{connection, reply_queue, prefetch} {}

void QueuedRequestOutput::ask(const Message& request, std::chrono::milliseconds deadline, ReplyHandler handler) {
  if (asked_.size() >= outstanding_max)
    return handler(fail("overloaded", "Too many requests wait for an answer: ask again later."));
  const auto correlation = asker_ + "-" + std::to_string(next_number_++);
  Message question = request;
  question.reply_to = reply_queue_;
  question.correlation_id = correlation;
  question.attributes[std::string{deadline_attribute}] = {"Number",
                                                          std::to_string(to_unix_ms(clock_.wall_now()) + deadline.count())};
  const auto until = clock_.now() + deadline;
  asked_[correlation] = {until, std::move(handler)};
  deadlines_.emplace(until, correlation);
  const auto packed = pack(question);
  const std::array<std::string_view, 1> messages{packed};
  Transaction transaction;
  transaction.send(queue_, messages);
  connection_.transact(transaction, [this, correlation](const Result<Unit>& stored) {
    if (!stored && stored.error().definite) answer(correlation, Failure<Error>{stored.error()});
  });
}

void QueuedRequestOutput::turn(Instant now) {
  replies_.turn(now);
  take_replies();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    answer(std::string{deadlines_.begin()->second}, fail_unknown("timed_out", "No answer came in time."));
  }
}

Instant QueuedRequestOutput::next_deadline() const {
  return deadlines_.empty() ? replies_.next_deadline() : std::min(replies_.next_deadline(), deadlines_.begin()->first);
}

void QueuedRequestOutput::take_replies() {
  std::vector<Incoming> taken;
  for (Incoming incoming; replies_.take(incoming);) taken.push_back(std::move(incoming));
  if (taken.empty()) return;
  std::vector<std::string_view> tickets;
  for (const auto& reply : taken) tickets.emplace_back(reply.ticket);
  forget(connection_, reply_queue_, tickets);
  for (auto& reply : taken) {
    replies_.settled(reply.ticket, {});
    const auto correlation = reply.message.correlation_id;
    if (!asked_.contains(correlation)) {
      ++dropped_replies_;
    } else if (reply.message.type == request_refused_type) {
      answer(correlation, fail(attribute_of(reply.message, "code"), reply.message.body));
    } else {
      answer(correlation, std::move(reply.message));
    }
  }
}

void QueuedRequestOutput::answer(const std::string& correlation, Result<Message> result) {
  const auto asked = asked_.find(correlation);
  if (asked == asked_.end()) return;
  deadlines_.erase({asked->second.deadline, correlation});
  const auto handler = std::move(asked->second.handler);
  asked_.erase(asked);  // before the handler: it may ask again
  handler(std::move(result));
}

// ---- answering

QueuedRequestInput::QueuedRequestInput(BrokerConnection& connection, std::string queue, std::size_t prefetch, const Clock& clock)
    : connection_{connection}, queue_{queue}, clock_{clock}, questions_{connection, std::move(queue), prefetch} {}

bool QueuedRequestInput::is_expired(const Message& question) const {
  const auto text = attribute_of(question, deadline_attribute);
  std::int64_t deadline_ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), deadline_ms);
  return error == std::errc{} && end == text.data() + text.size() && deadline_ms <= to_unix_ms(clock_.wall_now());
}

bool QueuedRequestInput::take(Incoming& incoming) {
  while (questions_.take(incoming)) {
    if (is_expired(incoming.message)) {
      ++expired_;
      const std::array<std::string_view, 1> ticket{incoming.ticket};
      forget(connection_, queue_, ticket);
      questions_.settled(incoming.ticket, {});
      continue;
    }
    askers_[incoming.ticket] = {incoming.message.reply_to, incoming.message.correlation_id, incoming.message.id};
    return true;
  }
  return false;
}

void QueuedRequestInput::add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome,
                                        Transaction& transaction) const {
  if (outcome.kind() != Outcome::Kind::reject) return questions_.add_settlement(tickets, outcome, transaction);
  for (const auto ticket : tickets) {
    const auto asker = askers_.find(ticket);
    if (asker == askers_.end() || asker->second.reply_to.empty()) continue;
    Message refusal;
    refusal.id = derived_message_id(asker->second.question_id, "refusal", 0);
    refusal.type = request_refused_type;
    refusal.correlation_id = asker->second.correlation;
    refusal.attributes["code"] = {"String", "rejected"};
    refusal.body = outcome.reason();
    const auto packed = pack(refusal);
    const std::array<std::string_view, 1> messages{packed};
    transaction.send(asker->second.reply_to, messages);
  }
  questions_.add_settlement(tickets, Outcome::done, transaction);
}

void QueuedRequestInput::add_reply(const std::string& ticket, const Message& reply, Transaction& transaction) const {
  const auto asker = askers_.find(ticket);
  if (asker == askers_.end() || asker->second.reply_to.empty()) return;
  Message addressed = reply;
  addressed.correlation_id = asker->second.correlation;
  const auto packed = pack(addressed);
  const std::array<std::string_view, 1> messages{packed};
  transaction.send(asker->second.reply_to, messages);
}

void QueuedRequestInput::settled(const std::string& ticket, const Settlement& settlement) {
  askers_.erase(ticket);
  questions_.settled(ticket, settlement);
}

}  // namespace remuda
