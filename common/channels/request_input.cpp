#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

#include "common/channels/direct_wire.hpp"
#include "common/channels/request.hpp"

namespace remuda {
namespace {

constexpr std::uint64_t longest_deadline_ms = 24ULL * 3'600'000;

/// A ticket names the asker and its question: one byte that tells the size of the routing id, the routing id, the correlation.
std::string make_ticket(std::string_view routing_id, std::string_view correlation) {
  std::string ticket(1, static_cast<char>(routing_id.size()));  // libzmq's are at most 255 bytes
  return ticket.append(routing_id).append(correlation);
}
std::string_view routing_id_of(std::string_view ticket) {
  return ticket.substr(1, static_cast<unsigned char>(ticket.front()));
}
std::string_view correlation_of(std::string_view ticket) {
  return ticket.substr(1 + static_cast<unsigned char>(ticket.front()));
}

}  // namespace

RequestInput::RequestInput(Context& context, const std::vector<std::string>& endpoints, const Clock& clock)
    : clock_{clock}, socket_{context, SocketKind::router} {
  for (const auto& endpoint : endpoints) {
    if (const auto bound = socket_.listen(endpoint); !bound) throw std::runtime_error{bound.error().message};
  }
}

void RequestInput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  if (waiting_.size() < waiting_max) items.push_back(socket_.poll_item());
}

void RequestInput::turn(Instant /*now*/) {
  while (waiting_.size() < waiting_max) {
    const auto arrival = socket_.receive_from(routing_id_, frame_);
    if (arrival == Arrival::nothing) return;
    if (arrival == Arrival::multipart) {
      ++malformed_;
    } else {
      read(routing_id_.bytes(), frame_.bytes());
    }
  }
}

void RequestInput::read(std::string_view routing_id, std::string_view frame) {
  direct::Request request;
  Error error;
  if (const auto decoded = direct::decode_request(frame, request); !decoded) {
    error = decoded.error();
  } else if (auto message = unpack_message(request.message); !message) {
    error = message.error();
  } else {
    const std::chrono::milliseconds time{std::min(request.deadline_ms, longest_deadline_ms)};
    waiting_.push_back({std::move(message).value(), make_ticket(routing_id, request.correlation), clock_.now() + time});
    return;
  }
  ++malformed_;
  if (request.correlation.empty()) return;  // nobody to tell
  out_.clear();
  direct::encode_refusal(request.correlation, error.code, error.message, out_);
  static_cast<void>(socket_.send_to(routing_id, out_));
}

bool RequestInput::take(Incoming& incoming) {
  while (!waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.deadline <= clock_.now()) {
      ++expired_;
      continue;
    }
    incoming = {std::move(next.message), {}, std::move(next.ticket)};
    return true;
  }
  return false;
}

void RequestInput::settled(const std::string& ticket, const Settlement& settlement) {
  out_.clear();
  if (settlement.outcome.kind() == Outcome::Kind::done) {
    assert(settlement.reply && "a request that is done has a reply");
    direct::encode_reply(correlation_of(ticket), pack(*settlement.reply), out_);
  } else {
    const bool rejected = settlement.outcome.kind() == Outcome::Kind::reject;
    const std::string_view code = !settlement.refusal.empty() ? std::string_view{settlement.refusal}
                                  : rejected                  ? "rejected"
                                                              : "failed";
    direct::encode_refusal(correlation_of(ticket), code, settlement.outcome.reason(), out_);
  }
  // Who asked may be gone or not listening: a reply is sent once, nothing depends on its arrival.
  static_cast<void>(socket_.send_to(routing_id_of(ticket), out_));
}

}  // namespace remuda
