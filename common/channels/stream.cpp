#include "common/channels/stream.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace remuda {
namespace {

/// A ticket is the lease and behind it the offset.
constexpr std::size_t offset_size_bytes = 8;

std::string ticket_of(std::string_view lease, std::uint64_t offset) {
  std::string ticket{lease};
  for (std::size_t i = 0; i < offset_size_bytes; ++i) ticket.push_back(static_cast<char>(offset >> (8 * i) & 0xFFU));
  return ticket;
}
std::string_view lease_of(std::string_view ticket) {
  return ticket.substr(0, ticket.size() - offset_size_bytes);
}
std::uint64_t offset_of(std::string_view ticket) {
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < offset_size_bytes; ++i)
    offset = offset << 8U | static_cast<unsigned char>(ticket[ticket.size() - 1 - i]);
  return offset;
}

}  // namespace

void StreamInput::turn(Instant now) {
  now_ = now;
  if (now >= paused_until_) paused_until_ = Instant::max();
  for (Held& held : held_) {
    if (held.is_lost || now < held.renew_at) continue;
    held.renew_at = now + reader_.visibility_timeout / 3;
    end_lease(held, "none", {});
  }
  ask();
}

Instant StreamInput::next_deadline() const {
  Instant next = paused_until_;
  for (const Held& held : held_) next = std::min(next, held.is_lost ? Instant::max() : held.renew_at);
  return next;
}

void StreamInput::ask() {
  if (asking_ || draining_ || paused_until_ != Instant::max()) return;
  // One batch is worked on while the next, of another partition, is on its way; no more, so that others of the group get
  // theirs. Who is slow asks for few, and when it is free.
  const std::size_t window = window_.size();
  if (window_.one_at_a_time() ? !held_.empty() : held_.size() > 1 || waiting_.size() > window) return;
  asking_ = true;
  wire::StreamTake take{reader_.stream, reader_.group, static_cast<std::uint32_t>(window),
                        static_cast<std::uint64_t>(reader_.visibility_timeout.count())};
  if (reader_.from_latest) take.start = "latest";
  take.wait_ms = static_cast<std::uint64_t>(std::chrono::milliseconds{take_wait}.count());
  connection_.take(take, [this](const Result<wire::StreamBatch>& taken) { on_taken(taken); });
}

void StreamInput::on_taken(const Result<wire::StreamBatch>& taken) {
  asking_ = false;
  if (!taken) {
    if (taken.error().code != "unreachable") {
      if (taken.error().code != last_error_) {
        log_warning("cannot take", {{"stream", reader_.stream}, {"error", taken.error().code}, {"text", taken.error().message}});
      }
      last_error_ = taken.error().code;
      paused_until_ = now_ + pause_after_error;
    }
    return;
  }
  last_error_.clear();
  if (taken->lease.empty()) return;
  Held held;
  held.lease = taken->lease;
  held.next = taken->records.empty() ? taken->next : taken->records.front().offset;
  held.end = taken->next;
  held.renew_at = now_ + reader_.visibility_timeout / 3;
  std::uint32_t attempts = taken->attempts;
  for (const auto& record : taken->records) {
    auto message = unpack_message(record.message);
    if (!message) {
      // The broker checks what it stores, so this is damage or a newer form: it must not pass silently.
      ++malformed_;
      log_error("a stored record cannot be read: rejected", {{"stream", reader_.stream}, {"text", message.error().message}});
      held.end = record.offset;
      held.damage = message.error().message;
      break;
    }
    Incoming incoming{std::move(message).value(), {std::exchange(attempts, 0) + 1, 0}, ticket_of(held.lease, record.offset)};
    incoming.delivery.place = Delivery::Place{taken->partition, record.offset, record.time_ms};
    waiting_.push_back(std::move(incoming));
  }
  held_.push_back(std::move(held));
  if (draining_) drop_waiting(held_.back().lease);
  finish(std::prev(held_.end()));
}

bool StreamInput::take(Incoming& incoming) {
  if (waiting_.empty()) return false;
  incoming = std::move(waiting_.front());
  waiting_.pop_front();
  ++held_by(incoming.ticket)->unsettled;
  return true;
}

std::list<StreamInput::Held>::iterator StreamInput::held_by(std::string_view ticket) {
  return std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.lease == lease_of(ticket); });
}

bool StreamInput::holds(const std::string& ticket) const {
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const Held& each) { return each.lease == lease_of(ticket); });
  return held != held_.end() && !held->is_lost;
}

void StreamInput::add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome,
                                 Transaction& transaction) const {
  if (outcome.kind() == Outcome::Kind::done) {
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      const bool is_last = std::none_of(tickets.begin() + static_cast<std::ptrdiff_t>(i) + 1, tickets.end(),
                                        [&](std::string_view later) { return lease_of(later) == lease_of(tickets[i]); });
      if (is_last) transaction.checkpoint({lease_of(tickets[i]), offset_of(tickets[i]) + 1});
    }
    return;
  }
  const auto delay = outcome.delay() < std::chrono::milliseconds{0} ? reader_.visibility_timeout : outcome.delay();
  for (const auto ticket : tickets) {
    wire::StreamCheckpoint failure{lease_of(ticket), offset_of(ticket)};
    failure.end = outcome.kind() == Outcome::Kind::reject ? "reject" : "failed";
    failure.reason = outcome.reason();
    failure.delay_ms = static_cast<std::uint64_t>(delay.count());
    transaction.checkpoint(failure);
  }
}

/// The time of a lease counts anew with every checkpoint, also with one that confirms nothing more.
void StreamInput::keep(std::span<const std::string_view> tickets, std::chrono::milliseconds /*time*/) {
  for (const Held& held : held_) {
    const bool is_meant =
        std::any_of(tickets.begin(), tickets.end(), [&](std::string_view ticket) { return lease_of(ticket) == held.lease; });
    if (is_meant && !held.is_lost) end_lease(held, "none", {});
  }
}

void StreamInput::settled(const std::string& ticket, const Settlement& settlement) {
  const auto held = held_by(ticket);
  if (held == held_.end()) return;
  --held->unsettled;
  if (settlement.stale || settlement.outcome.kind() != Outcome::Kind::done) {
    held->is_lost = true;
    drop_waiting(held->lease);
  } else {
    held->next = offset_of(ticket) + 1;
  }
  finish(held);
}

void StreamInput::drain() {
  draining_ = true;
  waiting_.clear();
  for (auto held = held_.begin(); held != held_.end();) finish(held++);
}

void StreamInput::drop_waiting(std::string_view lease) {
  std::erase_if(waiting_, [&](const Incoming& incoming) { return lease_of(incoming.ticket) == lease; });
}

/// Lets go of a batch of which nothing is worked on any more: confirmed, lost, damaged where it goes on, or given back.
void StreamInput::finish(std::list<Held>::iterator held) {
  if (held->unsettled > 0) return;
  const bool is_confirmed = held->next == held->end;
  if (!held->is_lost && !is_confirmed && !draining_) return;
  if (!held->is_lost && is_confirmed && !held->damage.empty()) end_lease(*held, "reject", held->damage);
  if (!held->is_lost && !is_confirmed) end_lease(*held, "release", {});
  held_.erase(held);
}

void StreamInput::end_lease(const Held& held, std::string_view end, std::string_view reason) {
  Transaction transaction;
  wire::StreamCheckpoint checkpoint{held.lease, held.next};
  checkpoint.end = end;
  checkpoint.reason = reason;
  checkpoint.delay_ms = static_cast<std::uint64_t>(reader_.visibility_timeout.count());
  transaction.checkpoint(checkpoint);
  connection_.transact(transaction, [](const Result<Unit>&) {});  // a lease that is lost is of no interest
}

}  // namespace remuda
