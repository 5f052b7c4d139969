// Operators' verbs: looking into queues, purging, redriving, declaring. They read bodies through the log, because only they filter
// what is stored.

#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "common/crc32c.hpp"
#include "common/log.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {

constexpr std::size_t page = 1'024;  // messages looked at in one go
constexpr std::uint32_t peek_max = 10'000;
constexpr std::size_t reply_room = 64 * 1024;  // of a frame, kept free for what stands around bodies

std::uint64_t number(Milliseconds ms) {
  return static_cast<std::uint64_t>(ms.count());
}

wire::Peeked wire_peeked(const MessageInfo& info, std::string_view body) {
  wire::Peeked peeked;
  peeked.sequence = info.sequence;
  peeked.state = name_of(info.state);
  peeked.receive_count = info.receive_count;
  peeked.sent_ms = info.sent_ms;
  peeked.first_received_ms = info.first_received_ms;
  peeked.origin_queue = info.origin_queue;
  peeked.reason = info.reason;
  peeked.holder_node = info.holder_node;
  peeked.holder_host = info.holder_host;
  peeked.group = info.group;
  peeked.attempts_total = info.attempts_total;
  for (const auto& attempt : info.attempts) peeked.attempts.push_back({attempt.node, attempt.host, attempt.time_ms, attempt.error});
  peeked.message = body;
  return peeked;
}

std::string_view scope_name(DeduplicationScope scope) {
  return scope == DeduplicationScope::message_group ? "message_group" : "queue";
}

bool is_wanted(const FilterPolicy& policy, std::string_view packed) {
  const auto view = view_message(packed);
  return view && policy.matches(*view);
}

}  // namespace

std::string_view Broker::read_body(Location place, std::uint32_t size, std::uint32_t checksum) {
  const std::string_view body = log_.read(place, size);
  if ((body.size() != size || crc32c(body) != checksum) && !REMUDA_MUTANT(84)) {
    damaged_ = DamagedBody{place};
    return {};
  }
  return body;
}

void Broker::on(Connection& connection, const wire::Peek& peek) {
  const auto queue = queue_named(peek.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  const auto policy = compile_filter(peek.selection.filter_policy, peek.selection.filter_on_attributes);
  if (!policy) return refuse(connection, request_.request, policy.error());
  const std::size_t wanted = std::min(peek.max, peek_max);
  std::vector<wire::Peeked> found;
  std::size_t bytes = reply_room;
  Sequence from = peek.from;
  for (bool more = true; more && found.size() < wanted;) {
    const auto infos = engine_.peek(*queue, from, std::min(page, peek.selection.filter_policy.empty() ? wanted : page), moment_);
    for (const auto& info : infos) {
      from = info.sequence + 1;
      const std::string_view body = read_body(info.place, info.size, info.crc32c);
      if (!peek.selection.filter_policy.empty() && !is_wanted(*policy, body)) continue;
      bytes += body.size() + 1'024 + 1'280 * info.attempts.size();
      more = (bytes <= settings_.max_frame_size || found.empty()) && found.size() < wanted;
      if (!more) break;
      found.push_back(wire_peeked(info, body));
    }
    more = more && !infos.empty();
  }
  std::string frame;
  wire::encode_ok(request_.request, std::span<const wire::Peeked>{found}, frame);
  answer(connection, std::move(frame));
}

Result<std::vector<Sequence>> Broker::select(QueueId queue, const wire::Selection& selection, std::uint64_t max) {
  const auto policy = compile_filter(selection.filter_policy, selection.filter_on_attributes);
  if (!policy) return Failure{policy.error()};
  std::vector<Sequence> selected;
  Sequence from = 0;
  while (selected.size() < max) {
    const auto infos = engine_.peek(queue, from, page, moment_);
    if (infos.empty()) break;
    for (const auto& info : infos) {
      from = info.sequence + 1;
      if (!selection.filter_policy.empty() && !is_wanted(*policy, read_body(info.place, info.size, info.crc32c))) continue;
      if (selected.size() < max) selected.push_back(info.sequence);
    }
  }
  return selected;
}

void Broker::on(Connection& connection, const wire::Purge& purge) {
  const auto queue = queue_named(purge.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  PurgeQueue command{requester(connection), *queue, std::nullopt};
  std::vector<Sequence> selected;
  if (purge.dry_run || !purge.selection.filter_policy.empty()) {
    auto chosen = select(*queue, purge.selection, UINT64_MAX);
    if (!chosen) return refuse(connection, request_.request, chosen.error());
    selected = *std::move(chosen);
    command.sequences = selected;
  }
  if (purge.dry_run) {
    std::string frame;
    wire::encode_ok(request_.request, selected.size(), frame);
    return answer(connection, std::move(frame));
  }
  apply(command, DoneForm::count);
}

void Broker::on(Connection& connection, const wire::Redrive& redrive) {
  const auto queue = queue_named(redrive.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  RedriveMessages command;
  command.from = requester(connection);
  command.queue = *queue;
  command.max = redrive.max == 0 ? UINT64_MAX : redrive.max;
  if (!redrive.to.empty()) {
    const auto to = queue_named(redrive.to);
    if (!to) return refuse(connection, request_.request, to.error());
    command.to = *to;
  }
  std::vector<Sequence> selected;
  if (redrive.dry_run || !redrive.selection.filter_policy.empty()) {
    auto chosen = select(*queue, redrive.selection, UINT64_MAX);
    if (!chosen) return refuse(connection, request_.request, chosen.error());
    selected = *std::move(chosen);
    command.sequences = selected;
  }
  if (redrive.dry_run) {
    // What would move: waiting messages that have somewhere to go.
    std::uint64_t count = 0;
    for (const Sequence sequence : selected) {
      const auto infos = engine_.peek(*queue, sequence, 1, moment_);
      if (infos.empty() || infos.front().sequence != sequence || !is_waiting(infos.front().state)) continue;
      if (command.to || !infos.front().origin_queue.empty()) ++count;
    }
    std::string frame;
    wire::encode_ok(request_.request, std::min(count, command.max), frame);
    return answer(connection, std::move(frame));
  }
  apply(command, DoneForm::count);
}

void Broker::on(Connection& connection, const wire::StartMove& move) {
  const auto queue = queue_named(move.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  if (const auto policy = compile_filter(move.selection.filter_policy, move.selection.filter_on_attributes); !policy)
    return refuse(connection, request_.request, policy.error());
  StartMove command;
  command.from = requester(connection);
  command.queue = *queue;
  command.max_per_second = move.max_per_second;
  const std::string selection = move_selection(move.selection.filter_policy, move.selection.filter_on_attributes);
  command.selection = selection;
  if (!move.to.empty()) {
    const auto to = queue_named(move.to);
    if (!to) return refuse(connection, request_.request, to.error());
    command.to = *to;
  }
  if (apply(command, DoneForm::first)) moves_.wake();
}

void Broker::on(Connection& connection, const wire::CancelMove& command) {
  apply(CancelMove{requester(connection), command.move}, DoneForm::nothing);
}

void Broker::on(Connection& connection, const wire::ListMoves&) {
  const auto name_of_queue = [&](QueueId queue) {
    const QueueAttributes* attributes = engine_.attributes(queue);
    return attributes == nullptr ? std::string{} : attributes->name;
  };
  std::vector<wire::MoveInfo> infos;
  for (const Move& move : engine_.moves(moment_)) {
    wire::MoveInfo& info = infos.emplace_back();
    info.move = move.id;
    info.queue = name_of_queue(move.queue);
    info.to = name_of_queue(move.to);
    const MoveSelection selection = parse_move_selection(move.selection);
    info.filter_policy = selection.filter_policy;
    info.filter_on_attributes = selection.filter_on_attributes;
    info.max_per_second = move.max_per_second;
    info.status = name_of(move.status);
    info.started_ms = move.started_ms;
    info.moved = move.moved;
  }
  std::string frame;
  wire::encode_ok(request_.request, std::span<const wire::MoveInfo>{infos}, frame);
  answer(connection, std::move(frame));
}

wire::QueueInfo Broker::wire_info(const QueueInfo& info) const {
  wire::QueueInfo out;
  out.queue = info.attributes.name;
  out.visibility_timeout_ms = number(info.attributes.visibility_timeout);
  out.retention_ms = number(info.attributes.retention);
  out.delay_ms = number(info.attributes.delay);
  out.dead_letter_queue = info.attributes.dead_letter_queue;
  out.max_receives = info.attributes.max_receives;
  out.max_message_size_bytes = info.attributes.max_message_size_bytes;
  out.max_messages = info.attributes.max_messages;
  out.max_bytes = info.attributes.max_bytes;
  out.relaxed = info.attributes.relaxed;
  if (const Topics::Found found = topics_.chain_of(info.attributes.name); found.chain != nullptr) {
    out.from_topic = found.topic->name;
    out.filter_policy = found.chain->filter_policy;
    out.filter_on_attributes = found.chain->filter_on_attributes;
  }
  if (const auto& fifo = info.attributes.fifo) {
    out.fifo = true;
    out.group_by = fifo->group_by;
    out.deduplicate_by = fifo->deduplicate_by;
    out.deduplication_scope = scope_name(fifo->deduplication_scope);
    out.on_dead_letter = fifo->on_dead_letter == OnDeadLetter::block ? "block" : "skip";
  }
  for (const auto& [name, value] : info.attributes.tags) out.tags[name] = value;
  out.groups = info.groups;
  out.deduplicated = info.deduplicated;
  out.visible = info.visible;
  out.in_flight = info.in_flight;
  out.delayed = info.delayed;
  out.bytes = info.bytes;
  out.waiting_receives = info.waiting_receives;
  out.oldest_age_ms = info.oldest_age_ms > 0 ? static_cast<std::uint64_t>(info.oldest_age_ms) : 0;
  out.sent = info.counters.sent;
  out.moved_in = info.counters.moved_in;
  out.received = info.counters.received;
  out.redelivered = info.counters.redelivered;
  out.deleted = info.counters.deleted;
  out.purged = info.counters.purged;
  out.dead_lettered = info.counters.dead_lettered;
  out.redriven = info.counters.redriven;
  out.expired = info.counters.expired;
  return out;
}

void Broker::on(Connection& connection, const wire::GetQueueInfo& command) {
  const auto queue = queue_named(command.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  auto info = wire_info(*engine_.queue_info(*queue, moment_));
  if (!damage_.empty()) info.damaged = damaged_messages()[info.queue];
  std::string frame;
  wire::encode_ok(request_.request, info, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::ListQueues&) {
  std::vector<wire::QueueInfo> infos;
  for (const auto& info : engine_.queues(moment_)) infos.push_back(wire_info(info));
  if (auto damaged = damaged_messages(); !damaged.empty()) {
    for (auto& info : infos) info.damaged = damaged[info.queue];
  }
  std::string frame;
  wire::encode_ok(request_.request, std::span<const wire::QueueInfo>{infos}, frame);
  answer(connection, std::move(frame));
}

/// What this very turn has changed is not told before it is synced: who asks goes on from there.
void Broker::on(Connection& connection, const wire::GetProgress& command) {
  effects_.replies.push_back({connection.id, request_.request, engine_.progress(command.source), effects_.sync_needed});
  done_forms_.resize(effects_.replies.size(), DoneForm::nothing);
}

void Broker::on(Connection& connection, const wire::ListTopics&) {
  std::vector<wire::TopicInfo> infos;
  for (const auto& [name, topic] : topics_.all()) {
    wire::TopicInfo info;
    info.topic = name;
    info.fifo = topic.deduplicate_by.has_value();
    if (info.fifo) info.deduplicate_by = topic.deduplicate_by->text();
    for (const auto& chain : topic.chains) {
      auto& chained = chain.stream_id != 0 ? info.streams : info.queues;
      chained.push_back({chain.channel, chain.filter_policy, chain.filter_on_attributes});
    }
    info.subscribers = topic.feed.size();
    info.published = topic.published;
    info.missed = topic.feed.missed();
    infos.push_back(std::move(info));
  }
  std::string frame;
  wire::encode_ok(request_.request, std::span<const wire::TopicInfo>{infos}, frame);
  answer(connection, std::move(frame));
}

}  // namespace remuda::broker
