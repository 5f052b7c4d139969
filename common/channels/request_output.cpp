#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "common/channels/direct_wire.hpp"
#include "common/channels/request.hpp"

namespace remuda {

RequestOutput::Peer::Peer(Context& context, const std::string& listens_at)
    : endpoint{listens_at}, socket{context, SocketKind::dealer}, monitor{context, socket} {
  // The monitor first: the event of an immediate connect must not be missed.
  if (const auto done = socket.connect(endpoint); !done) throw std::runtime_error{done.error().message};
}

RequestOutput::RequestOutput(Context& context, const std::vector<std::string>& endpoints, const Clock& clock)
    : context_{context}, clock_{clock}, asker_{direct::new_sender()} {
  for (const auto& endpoint : endpoints) peers_.push_back(std::make_unique<Peer>(context, endpoint));
}

std::size_t RequestOutput::live() const {
  return static_cast<std::size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& peer) { return peer->live; }));
}

void RequestOutput::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  for (const auto& peer : peers_) {
    items.push_back(peer->socket.poll_item());
    items.push_back(peer->monitor.poll_item());
  }
}

std::string RequestOutput::correlation_of(Number number) const {
  std::array<char, sizeof number> bytes{};
  std::memcpy(bytes.data(), &number, sizeof number);  // only this process reads it again
  return asker_ + std::string{bytes.data(), bytes.size()};
}

void RequestOutput::ask(const Message& request, std::chrono::milliseconds deadline, ReplyHandler handler) {
  ask_packed(pack(request), deadline, std::move(handler));
}

void RequestOutput::ask_packed(std::string packed, std::chrono::milliseconds deadline, ReplyHandler handler) {
  if (asked_.size() >= outstanding_max) {
    return handler(fail("overloaded", "Too many requests wait for an answer: ask again later."));
  }
  const auto number = next_number_++;
  auto& asked = asked_[number];
  asked.deadline = clock_.now() + deadline;
  asked.handler = std::move(handler);
  asked.message = std::move(packed);
  deadlines_.emplace(asked.deadline, number);
  if (!waiting_.empty() || !send(number, asked)) waiting_.push_back(number);
}

bool RequestOutput::send(Number number, Asked& asked) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(asked.deadline - clock_.now());
  out_.clear();
  direct::encode_request(correlation_of(number), static_cast<std::uint64_t>(std::max<std::int64_t>(0, left.count())), asked.message,
                         out_);
  for (std::size_t tried = 0; tried < peers_.size(); ++tried) {
    auto& peer = *peers_[turn_of_];
    turn_of_ = (turn_of_ + 1) % peers_.size();
    if (!peer.can_be_asked() || peer.socket.send(out_) != SendStatus::sent) continue;
    asked.peer = &peer;
    asked.message = {};
    return true;
  }
  return false;
}

void RequestOutput::send_waiting() {
  while (!waiting_.empty()) {
    const auto asked = asked_.find(waiting_.front());
    if (asked != asked_.end() && !send(asked->first, asked->second)) return;
    waiting_.pop_front();
  }
}

void RequestOutput::turn(Instant now) {
  for (auto& peer : peers_) {
    read_replies(*peer);  // before the news of a lost connection: what came through it counts
    while (const auto event = peer->monitor.next()) {
      peer->live = *event == ConnectionMonitor::Event::connected;
      if (peer->live) continue;
      peer->outlived = false;
      on_lost(*peer);
    }
  }
  send_waiting();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto number = deadlines_.begin()->second;
    if (asked_.at(number).peer == nullptr) {
      answer(number, fail("unreachable", "Nobody who answers could be reached in time; is the answering node running?"));
    } else {
      answer(number, fail_unknown("timed_out", "No answer came in time."));
    }
  }
}

void RequestOutput::read_replies(Peer& peer) {
  while (peer.socket.receive(frame_)) {
    bool single = !frame_.more();
    while (frame_.more() && peer.socket.receive(frame_)) single = false;
    if (single) {
      on_reply(frame_.bytes());
    } else {
      ++dropped_replies_;
    }
  }
}

void RequestOutput::on_reply(std::string_view frame) {
  const auto reply = direct::decode_reply(frame);
  const bool ours = reply && reply->correlation.size() == asker_.size() + sizeof(Number) && reply->correlation.starts_with(asker_);
  Number number = 0;
  if (ours) std::memcpy(&number, reply->correlation.data() + asker_.size(), sizeof number);
  const auto asked = asked_.find(number);
  // Only a request that has left can be answered: a guessed number is not.
  if (!ours || asked == asked_.end() || asked->second.peer == nullptr) {
    ++dropped_replies_;
    return;
  }
  if (!reply->code.empty()) return answer(number, fail(std::string{reply->code}, std::string{reply->text}));
  auto message = unpack_message(reply->message);
  if (!message) return answer(number, fail_unknown("malformed_reply", message.error().message));
  answer(number, std::move(message));
}

void RequestOutput::on_lost(const Peer& peer) {
  std::vector<Number> lost;
  for (const auto& [number, asked] : asked_) {
    if (asked.peer == &peer) lost.push_back(number);
  }
  for (const auto number : lost) answer(number, fail_unknown("unreachable", "The connection broke before the answer came."));
}

void RequestOutput::answer(Number number, Result<Message> result) {
  const auto asked = asked_.find(number);
  if (asked == asked_.end()) return;  // answered by a handler that ran meanwhile
  deadlines_.erase({asked->second.deadline, number});
  const auto handler = std::move(asked->second.handler);
  asked_.erase(asked);  // before the handler: it may ask again
  handler(std::move(result));
}

void RequestOutput::hold(std::span<const std::string> endpoints) {
  for (auto& peer : peers_) {
    if (std::find(endpoints.begin(), endpoints.end(), peer->endpoint) == endpoints.end()) continue;
    peer->held = true;
    peer->outlived = peer->live;
  }
}

void RequestOutput::resume(std::span<const std::string> endpoints, bool replaced) {
  for (auto& peer : peers_) {
    if (std::find(endpoints.begin(), endpoints.end(), peer->endpoint) == endpoints.end()) continue;
    peer->held = false;
    if (!replaced) peer->outlived = false;
  }
}

void RequestOutput::rewire(std::span<const std::string> endpoints, std::size_t /*subscribers*/) {
  const auto is_among_them = [&](const std::string& endpoint) {
    return std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
  };
  std::vector<std::unique_ptr<Peer>> leaving;
  for (auto& peer : peers_) {
    if (!is_among_them(peer->endpoint)) leaving.push_back(std::move(peer));
  }
  std::erase(peers_, nullptr);
  for (const auto& endpoint : endpoints) {
    if (std::none_of(peers_.begin(), peers_.end(), [&](const auto& peer) { return peer->endpoint == endpoint; }))
      peers_.push_back(std::make_unique<Peer>(context_, endpoint));
  }
  turn_of_ = 0;
  for (const auto& peer : leaving) {
    read_replies(*peer);
    on_lost(*peer);
  }
}

std::size_t RequestOutput::unanswered_while_held() const {
  return static_cast<std::size_t>(std::count_if(
      asked_.begin(), asked_.end(), [](const auto& entry) { return entry.second.peer != nullptr && entry.second.peer->held; }));
}

}  // namespace remuda
