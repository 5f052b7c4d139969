// Messages come in and are handed out.

#include <algorithm>

#include "tests/simulation/simulation.hpp"
#include "tests/simulation/world.hpp"

namespace remuda::broker::test {

namespace {
constexpr std::array<std::string_view, 6> group_names{"", "alpha", "beta", "gamma", "delta", "epsilon"};
constexpr std::array<std::string_view, 2> topic_names{"completions", "bookings"};
constexpr std::array<std::string_view, 5> attempt_names{"", "try-1", "try-2", "try-3", "try-4"};
constexpr Key keys = 12;
}  // namespace

std::uint64_t text_size(std::uint32_t body) {
  return 8 + (body * 2'654'435'761U) % 100;
}

// --- texts: a function of the body's number, so that the model need not keep them

Simulation::Text Simulation::text_of(std::uint32_t body) {
  text_.assign(text_size(body), static_cast<char>('a' + body % 26));
  for (std::size_t i = 0; i < 8; ++i) text_[i] = static_cast<char>('0' + (body >> (4 * i) & 0xFU));
  return {text_, body ^ 0x5EEDU};
}

DeduplicationKey Simulation::key_of(Key key) {
  DeduplicationKey out{};
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(key >> (8 * i));
  return out;
}

// --- send

void Simulation::send() {
  ModelQueue& queue = some_queue(false);
  if (queue.messages.size() >= messages_wanted_max) return delete_messages();
  const std::optional<Milliseconds> delay = one_of<std::optional<Milliseconds>>({std::nullopt, std::nullopt, 0ms, 900ms, 8000ms});
  const std::uint64_t count = 1 + roll(3);
  std::array<std::string, 3> texts;
  std::array<std::uint32_t, 3> numbers{};
  std::array<Body, 3> bodies;
  std::array<Milliseconds, 3> delays{};
  const bool own_delays = once_in(5);
  for (std::size_t i = 0; i < count; ++i) {
    numbers[i] = new_body();
    const Text text = text_of(numbers[i]);
    texts[i] = text.bytes;
    bodies[i] = Body{texts[i], text.checksum};
    delays[i] = one_of({-1ms, 0ms, 700ms});
  }
  SendMessage command{next_request(), queue.id, {bodies.data(), count}, delay, {}, {}};
  if (own_delays) command.delays = {delays.data(), count};
  const Answer* answer = ask(command, command.from, !queue.attributes.relaxed);
  if (answer == nullptr) return;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += bodies[i].bytes.size();
  if (const auto refusal = queue.refusal(count, bytes); !refusal.empty()) return expect_refused(answer, refusal);
  if (log_.full) return expect_refused(answer, "storage_full");
  const Sequence first = queue.next;
  for (std::size_t i = 0; i < count; ++i) {
    const Milliseconds own = own_delays && delays[i] >= 0ms ? delays[i] : delay.value_or(queue.attributes.delay);
    model_.send(queue, numbers[i], own, 0, steady_ms());
    tally_.reached(own > 0ms ? Transition::stored_delayed : Transition::stored_visible);
  }
  expect_done(answer, count, first, false);
  check(Invariant::i13_order_of_confirmation, std::get<Done>(*answer).first == first, "a send was not given the next sequences");
  remember_applied(command.from.request, count, first);
  if (count == 1 && !own_delays && !delay)
    sent_before_.push_back({command.from.request, model_.name_of(queue), queue.id, numbers[0], 0, 0});
}

/// Whether this key repeats one of the window. At the very end of the window either is right, and what the engine said is taken.
bool Simulation::accept_or_not(std::vector<ModelQueue::Accepted>& window, Key key, std::optional<Sequence>& before) const {
  const auto* found = QueueModel::accepted(window, key, steady_ms());
  before = found == nullptr ? std::nullopt : std::optional{found->sequence};
  return found == nullptr;
}

void Simulation::send_to_fifo() {
  ModelQueue& queue = some_queue(true);
  if (queue.messages.size() >= messages_wanted_max) return receive();
  const std::uint64_t count = 1 + roll(4);
  std::array<std::string, 4> texts;
  std::array<std::uint32_t, 4> numbers{};
  std::array<Body, 4> bodies;
  std::array<Grouping, 4> groupings;
  std::array<Key, 4> used{};
  std::array<std::uint8_t, 4> groups{};
  for (std::size_t i = 0; i < count; ++i) {
    numbers[i] = new_body();
    const Text text = text_of(numbers[i]);
    texts[i] = text.bytes;
    bodies[i] = Body{texts[i], text.checksum};
    used[i] = once_in(3) ? static_cast<Key>(roll(keys)) : 1'000 + numbers[i];
    if (i > 0 && once_in(12)) used[i] = used[i - 1];
    groups[i] = static_cast<std::uint8_t>(1 + roll(5));
    groupings[i] = Grouping{group_names[groups[i]], key_of(used[i])};
  }
  const std::optional<Milliseconds> delay = one_of<std::optional<Milliseconds>>({std::nullopt, std::nullopt, std::nullopt, 900ms});
  SendMessage command{next_request(), queue.id, {bodies.data(), count}, delay, {}, {groupings.data(), count}};
  std::uint64_t new_ones = 0;
  std::uint64_t new_bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto here = used.begin() + static_cast<std::ptrdiff_t>(i);
    if (QueueModel::accepted(queue.accepted, *here, steady_ms()) != nullptr || std::find(used.begin(), here, *here) != here)
      continue;
    ++new_ones;
    new_bytes += bodies[i].bytes.size();
  }
  const bool any_new = new_ones > 0;
  const Answer* answer = ask(command, command.from, true);
  if (answer == nullptr) return;
  if (const auto refusal = queue.refusal(new_ones, new_bytes); !refusal.empty()) return expect_refused(answer, refusal);
  if (log_.full && any_new) return expect_refused(answer, "storage_full");
  const auto* accepted = std::get_if<Accepted>(answer);
  require(accepted != nullptr && accepted->count == count, "a FIFO send was not answered with a sequence per message");
  Sequence first = 0;
  std::uint64_t stored = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Sequence sequence = effects_.sequences[accepted->first + i];
    if (const auto* before = QueueModel::accepted(queue.accepted, used[i], steady_ms())) {
      tally_.checked(Invariant::deduplication);
      if (sequence != before->sequence)
        fail("deduplication window: " + std::to_string(sequence) + " is answered for a duplicate of " +
             std::to_string(before->sequence) + ", accepted " + std::to_string(steady_ms() - before->time_ms) + " ms ago");
      const bool in_this_request = before->sequence >= first && stored > 0;
      tally_.reached(in_this_request ? Transition::deduplicated_in_one_request : Transition::deduplicated);
      continue;
    }
    const bool known =
        std::any_of(queue.accepted.begin(), queue.accepted.end(), [&](const auto& each) { return each.key == used[i]; });
    if (known) tally_.reached(Transition::accepted_again_after_the_window);
    const Milliseconds own = delay.value_or(queue.attributes.delay);
    const Sequence expected = model_.send(queue, numbers[i], own, groups[i], steady_ms());
    tally_.reached(own > 0ms ? Transition::stored_delayed : Transition::stored_visible);
    check(Invariant::i13_order_of_confirmation, sequence == expected, "a FIFO send was not given the next sequence");
    QueueModel::remember(queue.accepted, used[i], sequence, steady_ms());
    if (stored++ == 0) first = sequence;
  }
  if (stored > 0) remember_applied(command.from.request, stored, first);
  if (count == 1 && stored == 1 && !delay)
    sent_before_.push_back({command.from.request, model_.name_of(queue), queue.id, numbers[0], used[0], groups[0]});
}

void Simulation::send_what_is_refused() {
  ModelQueue& queue = some_queue(false);
  const std::string large(roll(2) == 0 ? ledger_max_size + 1 : 40'000, 'x');
  const Body body{large, 0};
  const Grouping grouping{"alpha", key_of(0)};
  SendMessage command{next_request(), queue.id, {&body, 1}, 0ms, {}, {}};
  std::string_view code;
  switch (roll(5)) {
    case 0:
      command.queue = 4'000'000;
      code = "no_such_queue";
      break;
    case 1:
      command.messages = {};
      code = "invalid_argument";
      break;
    case 2:
      command.delay = 15min + 1ms;
      code = "invalid_argument";
      break;
    case 3:
      command.groupings = {&grouping, 1};  // a standard queue has no groups
      code = "invalid_argument";
      break;
    default:
      if (large.size() > queue.attributes.max_size) {
        code = "message_too_large";
      } else if (large.size() > log_.max_record_size()) {
        code = queue.refusal(1, large.size());
        if (code.empty()) code = "record_too_large";
      } else {
        return;
      }
      break;
  }
  if (code == "invalid_argument" && large.size() > queue.attributes.max_size) return;
  if (const Answer* answer = ask(command, command.from, false)) expect_refused(answer, code);
}

/// A request that is sent again under its number, because its answer was lost or the broker was killed.
void Simulation::repeat_a_send() {
  if (sent_before_.empty()) return;
  if (sent_before_.size() > 32) sent_before_.erase(sent_before_.begin(), sent_before_.end() - 16);
  const SentBefore again = sent_before_[roll(sent_before_.size())];
  ModelQueue& queue = model_.queues[again.queue];
  if (again.request + 40 < request_ || queue.id != again.id || queue.attributes.is_fifo != (again.group != 0)) return;
  const AppliedRequest before = model_.applied[again.request % QueueModel::applied_kept];
  const Text text = text_of(again.body);
  const Body body{text.bytes, text.checksum};
  const Grouping grouping{group_names[again.group], key_of(again.key)};
  SendMessage command{Requester{1, session_, again.request, 0}, queue.id, {&body, 1}, {}, {}, {}};
  if (again.group != 0) command.groupings = {&grouping, 1};
  if (before.request == again.request) {
    const Answer* answer = ask(command, command.from, true);
    if (answer == nullptr) return;
    const Done* done = std::get_if<Done>(answer);
    check(Invariant::i4_unknown_sends,
          done != nullptr && done->repeated && done->count == before.count && done->first == before.first,
          "a resent request was not answered as before");
    return;
  }
  // A crash had taken it back.
  const auto* accepted = again.group == 0 ? nullptr : QueueModel::accepted(queue.accepted, again.key, steady_ms());
  const Answer* answer = ask(command, command.from, !queue.attributes.relaxed);
  if (answer == nullptr) return;
  if (accepted == nullptr) {
    if (const auto refusal = queue.refusal(1, text.bytes.size()); !refusal.empty()) return expect_refused(answer, refusal);
  }
  if (log_.full && accepted == nullptr) return expect_refused(answer, "storage_full");
  if (again.group == 0) {
    const Sequence first = model_.send(queue, again.body, queue.attributes.delay, 0, steady_ms());
    const Done* done = std::get_if<Done>(answer);
    check(Invariant::i4_unknown_sends, done != nullptr && !done->repeated && done->first == first,
          "a lost send was not stored once");
    return remember_applied(again.request, 1, first);
  }
  const Sequence sequence = effects_.sequences[std::get<Accepted>(*answer).first];
  if (accepted != nullptr) return check(Invariant::i4_unknown_sends, sequence == accepted->sequence, "a duplicate was stored");
  const Sequence first = model_.send(queue, again.body, queue.attributes.delay, again.group, steady_ms());
  check(Invariant::i4_unknown_sends, sequence == first, "a lost FIFO send was not stored once");
  QueueModel::remember(queue.accepted, again.key, first, steady_ms());
  remember_applied(again.request, 1, first);
}

// --- publish

void Simulation::publish() {
  const std::uint32_t number = new_body();
  const Text text = text_of(number);
  std::vector<QueueId> targets;
  std::vector<Grouping> groupings;
  std::vector<std::uint8_t> groups;
  std::vector<Key> used;
  std::vector<Name> names;
  bool syncs = false;
  bool any_fifo = false;
  for (const Name name : model_.by_id()) {
    const ModelQueue& queue = model_.queues[name];
    if (!once_in(4) || text.bytes.size() > queue.attributes.max_size || queue.messages.size() >= messages_wanted_max) continue;
    targets.push_back(queue.id);
    names.push_back(name);
    groups.push_back(static_cast<std::uint8_t>(1 + roll(5)));
    used.push_back(once_in(2) ? static_cast<Key>(roll(keys)) : 1'000 + number);
    groupings.push_back(Grouping{group_names[groups.back()], key_of(used.back())});
    syncs = syncs || !queue.attributes.relaxed;
    any_fifo = any_fifo || queue.attributes.is_fifo;
  }
  Publication publication{Body{text.bytes, text.checksum}, targets, {}, {}};
  if (any_fifo) publication.groupings = groupings;
  const Requester from = next_request();
  const Answer* answer = ask(PublishMessage{from, {&publication, 1}, {}}, from, syncs);
  if (answer == nullptr) return;
  for (std::size_t i = 0; i < names.size(); ++i) {  // one queue without room, and none has it
    const ModelQueue& queue = model_.queues[names[i]];
    if (queue.attributes.is_fifo && QueueModel::accepted(queue.accepted, used[i], steady_ms()) != nullptr) continue;
    if (const auto refusal = queue.refusal(1, text.bytes.size()); !refusal.empty()) return expect_refused(answer, refusal);
  }
  if (log_.full && !targets.empty()) return expect_refused(answer, "storage_full");
  // All of them have it or none (I5): each queue's contents are held against the model's.
  const std::int64_t steady = steady_ms();
  std::uint64_t stored = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    ModelQueue& queue = model_.queues[names[i]];
    if (!queue.attributes.is_fifo) {
      model_.send(queue, number, queue.attributes.delay, 0, steady);
    } else if (QueueModel::accepted(queue.accepted, used[i], steady) == nullptr) {
      const Sequence sequence = model_.send(queue, number, queue.attributes.delay, groups[i], steady);
      QueueModel::remember(queue.accepted, used[i], sequence, steady);
    } else {
      tally_.reached(Transition::deduplicated);
      continue;
    }
    ++stored;
  }
  const Done* done = std::get_if<Done>(answer);
  tally_.checked(Invariant::i5_atomic_moves);
  if (done == nullptr || done->count != stored) {
    std::string story;
    for (std::size_t i = 0; i < names.size(); ++i)
      story += std::string{" "} + queue_names[names[i]] + ":" + std::to_string(used[i]);
    fail("I5 atomic moves and fan-out: a publish reached " + std::to_string(done == nullptr ? 0 : done->count) + " and not " +
         std::to_string(stored) + " of the queues and keys" + story);
  }
  for (const Name name : names) check_queue(model_.queues[name]);
}

void Simulation::publish_to_fifo_topic() {
  const std::uint64_t topic = roll(topic_names.size());
  if (!model_.topic_exists[topic]) return declare_topic();
  const std::uint32_t number = new_body();
  const Text text = text_of(number);
  const auto key = once_in(2) ? static_cast<Key>(roll(keys)) : 1'000 + number;
  const auto group = static_cast<std::uint8_t>(1 + roll(5));
  std::vector<QueueId> targets;
  std::vector<Grouping> groupings;
  std::vector<Name> names;
  for (const Name name : {orders, blocks, slow, rides}) {
    const ModelQueue& queue = model_.queues[name];
    if (queue.id == 0 || once_in(3) || queue.messages.size() >= messages_wanted_max) continue;
    targets.push_back(queue.id);
    names.push_back(name);
    groupings.push_back(Grouping{group_names[group], key_of(key)});
  }
  Publication publication{Body{text.bytes, text.checksum}, targets, groupings, key_of(key)};
  const std::int64_t steady = steady_ms();
  const bool is_new = QueueModel::accepted(model_.topics[topic], key, steady) == nullptr;
  const Requester from = next_request();
  const Answer* answer = ask(PublishMessage{from, {&publication, 1}, topic_names[topic]}, from, true);
  if (answer == nullptr) return;
  for (const Name name : model_.by_id()) {
    const ModelQueue& queue = model_.queues[name];
    if (!is_new || std::ranges::find(names, name) == names.end()) continue;
    if (queue.attributes.is_fifo && QueueModel::accepted(queue.accepted, key, steady) != nullptr) continue;
    if (const auto refusal = queue.refusal(1, text.bytes.size()); !refusal.empty()) return expect_refused(answer, refusal);
  }
  if (log_.full && is_new && !targets.empty()) return expect_refused(answer, "storage_full");
  std::uint64_t stored = 0;
  if (is_new) {
    QueueModel::remember(model_.topics[topic], key, 0, steady);
    for (const Name name : names) {
      ModelQueue& queue = model_.queues[name];
      if (queue.attributes.is_fifo && QueueModel::accepted(queue.accepted, key, steady) != nullptr) continue;
      const Sequence sequence =
          model_.send(queue, number, queue.attributes.delay, queue.attributes.is_fifo ? group : std::uint8_t{0}, steady);
      if (queue.attributes.is_fifo) QueueModel::remember(queue.accepted, key, sequence, steady);
      ++stored;
    }
  }
  const Done* done = std::get_if<Done>(answer);
  tally_.checked(Invariant::deduplication);
  if (done == nullptr || done->count != stored)
    fail("deduplication window: a FIFO topic stored " + std::to_string(done == nullptr ? 0 : done->count) + " and not " +
         std::to_string(stored) + " of key " + std::to_string(key) + (is_new ? ", new\n" : ", known\n") + engine_->dump());
  for (const Name name : names) check_queue(model_.queues[name]);
}

// --- receive

void Simulation::receive() {
  ModelQueue& queue = some_queue();
  ModelWait wait;
  wait.queue = model_.name_of(queue);
  wait.max = static_cast<std::uint32_t>(1 + roll(5));
  wait.visibility = one_of({10'000ms, 10'000ms, 500ms, 60'000ms, 0ms});
  if (queue.attributes.is_fifo && once_in(3)) wait.attempt_id = static_cast<std::uint32_t>(1 + roll(4));
  const Milliseconds patience = one_of({0ms, 0ms, 0ms, 50ms, 5000ms});
  const Requester from = next_request();
  wait.request = from.request;
  wait.deadline = clock_.now() + patience;
  wait.exclusive = once_in(6);
  const bool others_wait =
      std::any_of(model_.waiting.begin(), model_.waiting.end(), [&](const ModelWait& other) { return other.queue == wait.queue; });
  const auto* attempt = wait.attempt_id == 0 ? nullptr : model_.repeatable(queue, wait.attempt_id, steady_ms());
  const Answer* answer =
      ask(ReceiveMessage{from, queue.id, wait.max, patience, wait.visibility, attempt_names[wait.attempt_id], wait.exclusive}, from,
          false);
  if (answer == nullptr && reply_to(from.request) != nullptr) return;  // the session had to be opened again
  const auto* delivered = answer == nullptr ? nullptr : std::get_if<Delivered>(answer);
  if (attempt != nullptr && attempt->may_be_forgotten && (delivered == nullptr || delivered->count == 0)) {
    std::erase_if(queue.attempts, [&](const auto& each) { return each.id == wait.attempt_id; });
    attempt = nullptr;
  }
  if (attempt != nullptr && attempt->may_be_forgotten) {
    const auto& handle = effects_.deliveries[delivered->first].handle;
    if (std::find(attempt->handles.begin(), attempt->handles.end(), handle) == attempt->handles.end()) attempt = nullptr;
  }
  if (attempt != nullptr) {
    check(Invariant::receive_attempts, delivered != nullptr && delivered->count == attempt->handles.size(),
          "a receive that repeats an attempt did not get what that one got");
    const ModelQueue::Attempt copy = *attempt;
    return take_again(queue, {effects_.deliveries.data() + delivered->first, delivered->count}, wait, copy);
  }
  if (wait.exclusive) model_take_over(queue);
  const bool something = !others_wait && has_something(queue);
  if (!something && patience > 0ms) {
    check(Invariant::i9_liveness, answer == nullptr, "a receive with nothing to deliver did not wait");
    model_.waiting.push_back(wait);
    return;
  }
  require(delivered != nullptr, "a receive was refused");
  if (something) return take_delivery(queue, *delivered, wait);
  check(Invariant::i6_exclusivity, delivered->count == 0, "a receive got what is not there to deliver");
}

void Simulation::receive_what_is_refused() {
  ModelQueue& queue = some_queue();
  ReceiveMessage command{next_request(), queue.id, 1, 0ms, {}, {}};
  std::string_view code;
  switch (roll(3)) {
    case 0:
      command.queue = 4'000'000;
      code = "no_such_queue";
      break;
    case 1:
      command.max = 0;
      code = "invalid_argument";
      break;
    default:
      command.visibility_timeout = 12h + 1ms;
      code = "invalid_visibility_timeout";
      break;
  }
  if (const Answer* answer = ask(command, command.from, false)) expect_refused(answer, code);
}

void Simulation::cancel_receives() {
  const Command command{CancelReceives{1}};
  tally_.asked(command.index());
  engine_->apply(command, now(), effects_);
  model_.waiting.clear();
}

}  // namespace remuda::broker::test
