// Seeded random operations on the queue engine, step by step beside a naive model: messages are sent, received, settled, repeated,
// purged, redriven; time passes; the log is compacted and truncated; the broker is killed and keeps a random part of what was not
// synced.
//
//   REMUDA_SIMULATION_SEED=n    replays one seed        REMUDA_SIMULATION_SEEDS=n    runs the seeds 1 to n (default 200)

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

#include "broker/engine/queue_engine.hpp"
#include "common/clock.hpp"
#include "tests/simulation/queue_model.hpp"
#include "tests/unit/broker/memory_log.hpp"

namespace remuda::broker::test {
namespace {

using namespace std::chrono_literals;

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_{seed}, log_{8192} {
    start();
    for (const char* name : {"rides", "ledger", "short"}) declare(name);
    say_hello();
    remember();
  }

  void step() {
    clock_.advance(one_of({0ms, 0ms, 1ms, 7ms, 400ms, 3000ms, 11000ms}));
    model_.let_time_pass(clock_.now());
    effects_.clear();
    engine_->tick(now(), effects_);
    finish_turn();
    effects_.clear();
    switch (roll(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        send();
        break;
      case 4:
        publish();
        break;
      case 5:
      case 6:
      case 7:
        receive(0ms);
        break;
      case 8:
        receive(one_of({50ms, 5000ms}));
        break;
      case 9:
      case 10:
        settle_some<DeleteMessage>();
        break;
      case 11:
        settle_some<ReleaseMessage>();
        break;
      case 12:
        change_visibility();
        break;
      case 13:
        retry_later();
        break;
      case 14:
        reject();
        break;
      case 15:
        transact();
        break;
      case 16:
        repeat_a_send();
        break;
      case 17:
        redrive_or_purge();
        break;
      case 18:
        clean_log();
        break;
      default:
        if (roll(4) == 0) crash();
        break;
    }
    engine_->tick(now(), effects_);
    finish_turn();
    check_counts();
    if (++steps_ % 25 == 0) check_everything();
    remember();
  }
  void finish() { check_everything(); }

 private:
  struct Snapshot {
    std::size_t records;
    QueueModel model;
    std::string dump;  // of every few only
    Moment moment;
  };
  struct SentBefore {
    std::uint64_t request;
    QueueId queue;
    std::string body;
  };

  // --- chance
  std::uint64_t roll(std::uint64_t sides) { return std::uniform_int_distribution<std::uint64_t>{0, sides - 1}(random_); }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[roll(choices.size())];
  }
  QueueId some_queue() { return static_cast<QueueId>(1 + roll(engine_->queues(now()).size())); }
  ReceiptHandle some_handle() {
    // Mostly one of the last, now and then one that never was.
    if (handles_.empty() || roll(30) == 0) return ReceiptHandle{some_queue(), static_cast<std::uint32_t>(roll(3)), roll(20)};
    const std::size_t among = std::min<std::size_t>(handles_.size(), roll(4) == 0 ? 200 : 8);
    return handles_[handles_.size() - 1 - roll(among)];
  }

  [[nodiscard]] Moment now() const { return moment_of(clock_); }
  /// `what`: a text, or a function that makes it, when it is dear.
  template <class What>
  void require(bool truth, const What& what) const {
    if (truth) return;
    if constexpr (std::is_invocable_v<What>) {
      throw std::runtime_error("step " + std::to_string(steps_) + ": " + what());
    } else {
      throw std::runtime_error("step " + std::to_string(steps_) + ": " + what);
    }
  }
  Requester next_request() {
    ++request_;
    return Requester{1, session_, request_, request_ > 40 ? request_ - 40 : 0};
  }

  // --- starting and crashing
  void start() {
    log_.checkpoint = nullptr;
    engine_ = std::make_unique<QueueEngine>(log_, 8192);
    for (const MemoryLog::Record& record : log_.records())
      require(engine_->replay(record.operations, record.place).ok(), "a record was refused at recovery");
    log_.checkpoint = [this] { return engine_->checkpoint(); };
    engine_->recovered(now());
  }
  void declare(const std::string& name) {
    QueueAttributes attributes;
    attributes.name = name;
    attributes.visibility_timeout = 10s;
    if (name == "short") attributes.retention = 60s;
    if (name != "ledger") {
      attributes.dead_letter_queue = name + "-dead";
      attributes.max_receives = 3;
    }
    engine_->apply(DeclareQueue{Requester{}, attributes}, now(), effects_);
    for (const QueueInfo& each : engine_->queues(now())) model_.queues[each.id].attributes = each.attributes;
    for (auto& [id, queue] : model_.queues)
      queue.dead_letter_queue =
          queue.attributes.dead_letter_queue.empty() ? 0 : *engine_->find_queue(queue.attributes.dead_letter_queue);
  }
  void say_hello() {
    effects_.clear();
    SessionKey key{};
    key.fill('s');
    engine_->apply(OpenSession{1, ++request_, key, "node", "host"}, now(), effects_);
    session_ = std::get<SessionOpened>(effects_.replies.at(0).answer).session;
  }
  void remember() {
    snapshots_.push_back({log_.records().size(), model_, steps_ % 10 == 0 ? engine_->dump() : std::string{}, now()});
    if (snapshots_.size() > 30) snapshots_.pop_front();
  }
  void crash() {
    // Whatever was not synced may be gone, back to any moment since the last sync.
    const Snapshot kept = snapshots_[snapshots_.size() - 1 - roll(snapshots_.size())];
    log_.keep_first(kept.records);
    if (!kept.dump.empty()) {
      QueueEngine again{log_, 8192};
      for (const MemoryLog::Record& record : log_.records()) (void)again.replay(record.operations, record.place);
      again.recovered(kept.moment);
      require(again.dump() == kept.dump,
              [&] { return "recovery gave another state:\n" + again.dump() + "--- expected\n" + kept.dump; });
    }
    model_ = kept.model;
    model_.restart(clock_.now());
    model_.let_time_pass(clock_.now());
    start();
    snapshots_.clear();
    say_hello();
  }
  void clean_log() {
    while (engine_->compact(2000, now()) && roll(3) != 0) {}
    log_.truncate_before(engine_->oldest_needed_segment());
    snapshots_.clear();  // a truncation follows a sync: no crash goes back behind it
  }

  // --- operations
  std::string new_body() { return "body " + std::to_string(++bodies_) + std::string(roll(120), '.'); }
  static Body as_body(const std::string& text) { return Body{text, static_cast<std::uint32_t>(std::hash<std::string>{}(text))}; }

  void send() {
    const QueueId to = some_queue();
    const Milliseconds delay = one_of({0ms, 0ms, 0ms, 900ms, 8000ms});
    std::vector<std::string> texts;
    std::vector<Body> bodies;
    for (std::uint64_t i = 0, count = 1 + roll(4); i < count; ++i) texts.push_back(new_body());
    for (const std::string& text : texts) bodies.push_back(as_body(text));
    const Requester from = next_request();
    engine_->apply(SendMessage{from, to, bodies, delay}, now(), effects_);
    const Sequence first = model_.queues.at(to).next;
    for (const std::string& text : texts) model_.send(to, text, delay, now());
    expect_done(from, texts.size(), first, false);
    model_.applied[from.request] = {texts.size(), first};
    if (texts.size() == 1 && delay == 0ms) sent_before_.push_back({from.request, to, texts[0]});
  }
  void publish() {
    const std::string text = new_body();
    std::vector<QueueId> targets;
    for (const auto& [id, queue] : model_.queues) {
      if (roll(2) == 0) targets.push_back(id);
    }
    const Publication publication{as_body(text), targets};
    const Requester from = next_request();
    engine_->apply(PublishMessage{from, std::span{&publication, 1}}, now(), effects_);
    Sequence first = targets.empty() ? 0 : model_.queues.at(targets[0]).next;
    for (const QueueId target : targets) model_.send(target, text, 0ms, now());
    expect_done(from, targets.size(), first, false);
  }
  void repeat_a_send() {
    if (sent_before_.empty()) return;
    const SentBefore again = sent_before_[sent_before_.size() - 1 - roll(std::min<std::size_t>(sent_before_.size(), 10))];
    if (again.request + 40 < request_) return;  // settled long ago
    const Body body = as_body(again.body);
    const Requester from{1, session_, again.request, 0};
    engine_->apply(SendMessage{from, again.queue, std::span{&body, 1}, 0ms}, now(), effects_);
    if (const auto known = model_.applied.find(again.request); known != model_.applied.end())
      return expect_done(from, known->second.first, known->second.second, true);
    const Sequence first = model_.send(again.queue, again.body, 0ms, now());  // a crash had taken it back
    model_.applied[again.request] = {1, first};
    expect_done(from, 1, first, false);
  }
  void receive(Milliseconds wait) {
    const QueueId from_queue = some_queue();
    const auto max = static_cast<std::uint32_t>(1 + roll(5));
    const Milliseconds visibility = one_of({10000ms, 10000ms, 500ms, 60000ms});
    const Requester from = next_request();
    engine_->apply(ReceiveMessage{from, from_queue, max, wait, visibility}, now(), effects_);
    const bool others_wait =
        std::any_of(model_.waiting.begin(), model_.waiting.end(), [&](const ModelWait& w) { return w.queue == from_queue; });
    const auto expected = others_wait ? std::vector<ModelDelivery>{} : model_.receive(from_queue, max, visibility, now());
    if (expected.empty() && wait > 0ms) {
      model_.waiting.push_back({from.request, from_queue, max, visibility, clock_.now() + wait});
    } else {
      expect_deliveries(from.request, expected);
    }
  }
  template <class Settling>
  void settle_some() {
    const ReceiptHandle first = some_handle();
    std::vector<ReceiptHandle> handles{first};
    while (roll(2) == 0) handles.push_back(some_handle());
    std::erase_if(handles, [&](const ReceiptHandle& handle) { return handle.queue != first.queue; });
    const Requester from = next_request();
    Settling command;
    command.from = from;
    command.queue = first.queue;
    command.handles = handles;
    engine_->apply(command, now(), effects_);
    const std::vector<HandleOutcome> outcomes = settled(from);
    // Every outcome is judged against the state before; then all of them happen.
    std::vector<ReceiptHandle> changed;
    for (std::size_t i = 0; i < handles.size(); ++i) {
      const bool changes =
          std::is_same_v<Settling, DeleteMessage> ? model_.held(handles[i]) != nullptr : model_.in_flight(handles[i]) != nullptr;
      if (changes) {
        require(outcomes[i] == HandleOutcome::done, "a valid handle was refused");
        changed.push_back(handles[i]);
      } else if (outcomes[i] == HandleOutcome::done) {
        require((std::is_same_v<Settling, DeleteMessage>)&&model_.was_deleted_by(handles[i]), "a stale handle was accepted");
      }
    }
    std::sort(changed.begin(), changed.end());
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
    for (const ReceiptHandle& handle : changed) {
      if constexpr (std::is_same_v<Settling, DeleteMessage>) {
        model_.remove(handle.queue, handle.sequence, MessageState::deleted);
      } else {
        ModelMessage& message = *model_.held(handle);
        --message.receive_count;
        message.state = MessageState::visible;
      }
    }
  }
  void change_visibility() {
    const ReceiptHandle handle = some_handle();
    const Milliseconds timeout = one_of({0ms, 200ms, 20000ms});
    const Requester from = next_request();
    engine_->apply(ChangeMessageVisibility{from, handle.queue, std::span{&handle, 1}, timeout}, now(), effects_);
    ModelMessage* message = model_.in_flight(handle);
    require((settled(from)[0] == HandleOutcome::done) == (message != nullptr), "change visibility: outcome");
    if (message == nullptr) return;
    if (timeout == 0ms) return model_.end_attempt(handle.queue, handle.sequence, true);
    message->visibility = timeout;
    message->deadline = clock_.now() + timeout;
  }
  void retry_later() {
    const ReceiptHandle handle = some_handle();
    const auto delay = one_of<std::optional<Milliseconds>>({std::nullopt, 0ms, 700ms});
    const Requester from = next_request();
    engine_->apply(RetryLater{from, handle.queue, handle, "busy", delay}, now(), effects_);
    expect_success(from, model_.in_flight(handle) != nullptr);
    model_retry_later(handle, delay);
  }
  void model_retry_later(const ReceiptHandle& handle, std::optional<Milliseconds> delay) {
    ModelMessage* message = model_.in_flight(handle);
    if (message == nullptr) return;
    QueueModel::record_attempt(*message);
    if (QueueModel::used_up(model_.queues.at(handle.queue), *message))
      return model_.dead_letter(handle.queue, handle.sequence, "used up");
    if (!delay) return;
    message->state = *delay == 0ms ? MessageState::visible : MessageState::delayed;
    message->visible_at = clock_.now() + *delay;
  }
  void reject() {
    const ReceiptHandle handle = some_handle();
    const Requester from = next_request();
    engine_->apply(RejectMessage{from, handle.queue, handle, "bad"}, now(), effects_);
    ModelMessage* message = model_.in_flight(handle);
    expect_success(from, message != nullptr);
    if (message == nullptr) return;
    if (model_.queues.at(handle.queue).dead_letter_queue == 0) return model_retry_later(handle, std::nullopt);
    QueueModel::record_attempt(*message);
    model_.dead_letter(handle.queue, handle.sequence, "bad");
  }
  void transact() {
    const ReceiptHandle first = some_handle();
    const ReceiptHandle second = some_handle();
    const QueueId to = some_queue();
    const std::string text = new_body();
    const Body body = as_body(text);
    const std::vector<TransactionStep> steps{SendMessage{{}, to, std::span{&body, 1}, 0ms},
                                             DeleteMessage{{}, first.queue, std::span{&first, 1}},
                                             RetryLater{{}, second.queue, second, "busy", 0ms}};
    const Requester from = next_request();
    engine_->apply(Transact{from, steps}, now(), effects_);
    const bool works = model_.held(first) != nullptr && model_.in_flight(second) != nullptr && first != second;
    expect_success(from, works);
    if (!works) return;
    model_.send(to, text, 0ms, now());
    model_.remove(first.queue, first.sequence, MessageState::deleted);
    model_retry_later(second, 0ms);
  }
  void redrive_or_purge() {
    const QueueId queue = some_queue();
    const Requester from = next_request();
    if (roll(4) != 0) {
      engine_->apply(RedriveMessages{from, queue, {}, {}}, now(), effects_);
      return expect_done(from, model_.redrive(queue, now()), 0, false);
    }
    std::vector<Sequence> sequences;
    for (const auto& [sequence, message] : model_.queues.at(queue).messages) sequences.push_back(sequence);
    engine_->apply(PurgeQueue{from, queue, {}}, now(), effects_);
    for (const Sequence sequence : sequences) model_.remove(queue, sequence, MessageState::purged);
    expect_done(from, sequences.size(), 0, false);
  }

  // --- expectations
  const Reply& answer_to(std::uint64_t request) const {
    for (const Reply& reply : effects_.replies) {
      if (reply.request == request) return reply;
    }
    throw std::runtime_error("step " + std::to_string(steps_) + ": request " + std::to_string(request) + " has no answer");
  }
  void expect_done(const Requester& from, std::uint64_t count, Sequence first, bool repeated) const {
    const Done* done = std::get_if<Done>(&answer_to(from.request).answer);
    require(done != nullptr, "a request was refused");
    require(done->count == count && done->first == first && done->repeated == repeated, "a request was answered otherwise");
  }
  void expect_success(const Requester& from, bool success) const {
    const Answer& answer = answer_to(from.request).answer;
    require(std::holds_alternative<Done>(answer) == success,
            success ? "a valid request was refused" : "a stale handle was accepted");
  }
  std::vector<HandleOutcome> settled(const Requester& from) const {
    const auto& range = std::get<HandlesSettled>(answer_to(from.request).answer);
    const auto begin = effects_.outcomes.begin() + static_cast<std::ptrdiff_t>(range.first);
    return {begin, begin + static_cast<std::ptrdiff_t>(range.count)};
  }
  void expect_deliveries(std::uint64_t request, const std::vector<ModelDelivery>& expected) {
    const auto& delivered = std::get<Delivered>(answer_to(request).answer);
    require(delivered.count == expected.size(), "a receive got another number of messages");
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Delivery& delivery = effects_.deliveries[delivered.first + i];
      require(delivery.handle == expected[i].handle, "another message was received");
      require(delivery.receive_count == expected[i].receive_count, "a wrong receive count");
      require(log_.read(delivery.place, delivery.size) == expected[i].body, "a wrong body");
      handles_.push_back(delivery.handle);
    }
  }
  /// The second half of tick(): who waits is served, or answered empty. And what expired is known to be gone.
  void finish_turn() {
    settle_expiry();
    for (bool served = true; served;) {
      served = false;
      for (const auto& [id, queue] : model_.queues) {
        for (auto wait = model_.waiting.begin(); wait != model_.waiting.end();) {
          const auto expected =
              wait->queue == id ? model_.receive(id, wait->max, wait->visibility, now()) : std::vector<ModelDelivery>{};
          if (expected.empty()) {
            ++wait;
            continue;
          }
          expect_deliveries(wait->request, expected);
          wait = model_.waiting.erase(wait);
          served = true;
        }
      }
    }
    std::erase_if(model_.waiting, [&](const ModelWait& wait) {
      if (wait.deadline > clock_.now()) return false;
      expect_deliveries(wait.request, {});
      return true;
    });
  }
  void settle_expiry() {
    for (auto& [id, queue] : model_.queues) {
      std::vector<Sequence> old;
      for (const auto& [sequence, message] : queue.messages) {
        if (message.sent_ms + queue.attributes.retention.count() <= now().unix_ms) old.push_back(sequence);
      }
      if (old.empty()) continue;
      std::vector<Sequence> there;
      for (const MessageInfo& each : engine_->peek(id, old.front(), old.back() - old.front() + 1, now()))
        there.push_back(each.sequence);
      for (const Sequence sequence : old) {
        const bool gone = !std::binary_search(there.begin(), there.end(), sequence);
        if (gone) model_.remove(id, sequence, MessageState::expired);
      }
    }
  }
  void check_counts() const {
    for (const QueueInfo& q : engine_->queues(now())) {
      const ModelQueue& expected = model_.queues.at(q.id);
      require(q.visible == expected.count(MessageState::visible) && q.in_flight == expected.count(MessageState::in_flight) &&
                  q.delayed == expected.count(MessageState::delayed) && q.counters.sent == expected.sent + q.counters.moved_in,
              [&] { return "counts of " + q.attributes.name + "\n" + engine_->dump(); });
      const QueueCounters& c = q.counters;
      require(c.sent == q.visible + q.delayed + q.in_flight + c.deleted + c.purged + c.dead_lettered + c.redriven + c.expired,
              [&] { return "the accounts of " + q.attributes.name + " do not balance\n" + engine_->dump(); });
    }
    if (const auto next = engine_->next_deadline()) {
      for (const auto& [id, queue] : model_.queues) {
        for (const auto& [sequence, message] : queue.messages) {
          require(message.state != MessageState::in_flight || *next <= message.deadline, "the next deadline comes after a timeout");
          require(message.state != MessageState::delayed || *next <= message.visible_at, "the next deadline comes after a delay");
        }
      }
    }
  }
  void check_everything() const {
    for (const auto& [id, queue] : model_.queues) {
      const auto all = engine_->peek(id, 0, 1'000'000, now());
      require(all.size() == queue.messages.size(), "another number of messages");
      auto expected = queue.messages.begin();
      for (const MessageInfo& message : all) {
        const ModelMessage& m = expected->second;
        require(message.sequence == expected->first && message.state == m.state && message.receive_count == m.receive_count &&
                    message.attempts_total == m.attempts && message.sent_ms == m.sent_ms,
                [&] { return "message " + std::to_string(message.sequence) + " differs\n" + engine_->dump(); });
        require(log_.read(message.place, message.size) == m.body, "a body differs");
        require(message.origin_queue == (m.origin == 0 ? "" : model_.queues.at(m.origin).attributes.name), "an origin differs");
        require(message.reason.empty() == m.reason.empty(), "a reason differs");
        ++expected;
      }
    }
  }

  std::mt19937_64 random_;
  ManualClock clock_;
  MemoryLog log_;
  std::unique_ptr<QueueEngine> engine_;
  Effects effects_;
  QueueModel model_;
  std::deque<Snapshot> snapshots_;
  std::vector<ReceiptHandle> handles_;
  std::vector<SentBefore> sent_before_;
  SessionId session_ = 0;
  std::uint64_t request_ = 0;
  std::uint64_t bodies_ = 0;
  std::uint64_t steps_ = 0;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_engine_agrees_with_its_model_whatever_happens) {
  constexpr int steps = 600;
  const std::uint64_t only = from_environment("REMUDA_SIMULATION_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t last = only != 0 ? only : from_environment("REMUDA_SIMULATION_SEEDS", 200);
  BOOST_TEST_MESSAGE("seeds " << first << " to " << last << ", " << steps << " steps each");
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    try {
      Simulation simulation{seed};
      for (int i = 0; i < steps; ++i) simulation.step();
      simulation.finish();
    } catch (const std::exception& failure) {
      BOOST_FAIL("seed " << seed << ", " << failure.what());
    }
  }
}

}  // namespace remuda::broker::test
