#include "common/runtime/node_runtime.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/channels/broker_connection.hpp"
#include "common/log.hpp"
#include "common/runtime/handler_call.hpp"

namespace remuda {

NodeRuntime::NodeRuntime(Node& node, NodeIdentity identity, const Parameters& parameters, const PortTable& ports,
                         const Clock& clock, std::function<void()> wake)
    : node_{node},
      identity_{std::move(identity)},
      parameters_{parameters},
      ports_{ports},
      clock_{clock},
      wake_{std::move(wake)},
      settler_{[this](const Handled& handled, Fate fate) { figures_.settled(handled.port, fate); }} {
  for (const auto& input : ports_.inputs) figures_.add_port(input.name);
}

void NodeRuntime::start() {
  settler_.turn(clock_.now());  // what a node sends while it starts is tried again counting from now
  node_.start(*this);
  started_ = true;
}

bool NodeRuntime::turn() {
  const auto now = clock_.now();
  figures_.work(now);
  for (auto* source : ports_.sources) source->turn(now);
  settler_.turn(now);
  run_posted();
  run_timers(now);
  const auto handled = run_batch();
  for (auto* source : ports_.sources) source->flush();
  for (std::size_t port = 0; port < ports_.inputs.size(); ++port) {
    figures_.set_losses(port, ports_.inputs[port].channel->missed(), ports_.inputs[port].channel->malformed());
  }
  tell_held_back();
  if (!draining_ && ready()) figures_.set_state(NodeFigures::State::ready);
  // Handlers and settlements may have changed what the channels wait for: give them one more look before the loop rests.
  if (handled > 0) {
    for (auto* source : ports_.sources) source->turn(now);
  }
  quiet_ = handled == 0;
  if (waits_for_answers_ && has_finished()) stop_waiting_for_answers();
  return handled > 0;
}

void NodeRuntime::tell_held_back() {
  auto why = settler_.held_back();
  if (why == held_back_) return;
  if (held_back_.empty()) log_warning("outputs are held back", {{"reason", why}});
  if (why.empty()) log_info("outputs are taken again");
  held_back_ = why;
  figures_.set_held_back(std::move(why));
}

void NodeRuntime::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock{mutex_};
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void NodeRuntime::run_timers(Instant now) {
  // By index: a task may add timers.
  for (std::size_t i = 0; i < timers_.size(); ++i) {
    if (timers_[i].due > now) continue;
    timers_[i].due = now + timers_[i].interval;  // an interval that was slept through is not made up for
    const auto task = timers_[i].task;
    task();
  }
}

std::size_t NodeRuntime::run_batch() {
  std::vector<Handled> batch;
  std::vector<Share> shares(ports_.inputs.size());
  Incoming incoming;  // one for all of them: a message keeps its memory for the next
  const auto begin = clock_.now();
  auto now = begin;
  while (batch.size() < batch_size_max && batch.size() + settler_.pending() < unsettled_max && now - begin < batch_time_max) {
    if (!take_next(incoming, batch, shares, now)) break;
  }
  if (batch.empty()) return 0;
  commit(batch);
  const auto commit_each = (clock_.now() - now) / static_cast<std::int64_t>(batch.size());
  const auto count = batch.size();
  settler_.settle(std::move(batch));
  for (std::size_t port = 0; port < shares.size(); ++port) {
    const auto& share = shares[port];
    if (share.count > 0)
      ports_.inputs[port].channel->observe(share.count, share.took + commit_each * static_cast<std::int64_t>(share.count));
  }
  return count;
}

/// Handles one message of the next input that has one: no busy port starves another. Moves `now` on.
bool NodeRuntime::take_next(Incoming& incoming, std::vector<Handled>& batch, std::vector<Share>& shares, Instant& now) {
  for (std::size_t tried = 0; tried < ports_.inputs.size(); ++tried) {
    const auto port = turn_of_;
    turn_of_ = (turn_of_ + 1) % ports_.inputs.size();
    const auto& input = ports_.inputs[port];
    if (!input.channel->take(incoming)) continue;
    figures_.received(port, incoming.delivery);
    auto handled = call_handler(node_, input, std::move(incoming), ports_, {identity_.name, clock_});
    handled.port = port;
    if (handled.outcome.kind() != Outcome::Kind::done) {
      log_warning(handled.outcome.kind() == Outcome::Kind::reject ? "message rejected" : "message failed, to be retried",
                  {{"port", input.name}, {"reason", handled.outcome.reason()}});
    }
    batch.push_back(std::move(handled));
    const auto begun = std::exchange(now, clock_.now());
    shares[port].took += now - begun;
    ++shares[port].count;
    return true;
  }
  return false;
}

void NodeRuntime::commit(std::vector<Handled>& batch) {
  std::string text;
  try {
    node_.commit();
    return;
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
    text = "commit threw something that is no std::exception";
  }
  log_error("the commit failed: every message of the batch will be retried", {{"messages", batch.size()}, {"reason", text}});
  for (auto& handled : batch) handled.outcome = Outcome::retry_later.because("commit failed: " + text);
}

Instant NodeRuntime::next_deadline() const {
  auto next = settler_.next_deadline();
  for (const auto* source : ports_.sources) next = std::min(next, source->next_deadline());
  for (const auto& timer : timers_) next = std::min(next, timer.due);
  const std::lock_guard lock{mutex_};
  return posted_.empty() ? next : Instant::min();
}

bool NodeRuntime::ready() const {
  return started_ &&
         std::all_of(ports_.inputs.begin(), ports_.inputs.end(), [](const InputPort& input) { return input.channel->ready(); });
}

void NodeRuntime::begin_drain() {
  if (std::exchange(draining_, true)) return;
  figures_.set_state(NodeFigures::State::draining);
  quiet_ = false;
  for (const auto& input : ports_.inputs) input.channel->drain();
  for (auto* broker : ports_.brokers) broker->cancel_receives();
  if (started_) node_.drain();
}

/// Nothing that was begun is unfinished, and nothing can begin.
bool NodeRuntime::has_finished() const {
  if (!draining_ || !quiet_ || settler_.pending() > 0 || outstanding_requests() > 0) return false;
  const bool settled =
      std::all_of(ports_.brokers.begin(), ports_.brokers.end(), [](const auto* broker) { return broker->unanswered() == 0; });
  return settled && node_.idle();
}

/// What is asked over queues is answered in a queue, which is read as long as somebody may still ask.
void NodeRuntime::stop_waiting_for_answers() {
  waits_for_answers_ = false;
  for (const auto& [port, channels] : ports_.requests) {
    for (auto* channel : channels) channel->drain();
  }
  for (auto* broker : ports_.brokers) broker->cancel_receives();
}

bool NodeRuntime::drained() const {
  return has_finished() && std::all_of(ports_.brokers.begin(), ports_.brokers.end(),
                                       [](const auto* broker) { return broker->receiving() == 0; });
}

std::size_t NodeRuntime::outstanding_requests() const {
  std::size_t count = 0;
  for (const auto& [port, channels] : ports_.requests) {
    for (const auto* channel : channels) count += channel->outstanding();
  }
  return count;
}

void NodeRuntime::stop() {
  if (started_ && !std::exchange(stopped_, true)) node_.stop();
}

bool NodeRuntime::is_wired(std::string_view port) const {
  if (const auto output = ports_.outputs.find(port); output != ports_.outputs.end()) return !output->second.empty();
  if (ports_.requests.find(port) != ports_.requests.end()) return true;
  return std::any_of(ports_.inputs.begin(), ports_.inputs.end(), [&](const InputPort& input) { return input.name == port; });
}

void NodeRuntime::complete(Message& message) const {
  if (message.id.empty()) message.id = new_message_id();
  if (message.source.empty()) message.source = identity_.name;
  if (message.time_ms == 0) message.time_ms = to_unix_ms(clock_.wall_now());
}

void NodeRuntime::send(std::string_view port, Message message, ConfirmHandler confirmed) {
  const auto output = ports_.outputs.find(port);
  if (output == ports_.outputs.end()) throw std::logic_error{"there is no output port `" + std::string{port} + "`"};
  complete(message);
  settler_.send(
      output->second, pack(message), confirmed ? std::move(confirmed) : [](const Result<void>&) {});
}

void NodeRuntime::request(std::string_view port, Message message, std::chrono::milliseconds deadline, ReplyHandler handler) {
  const auto channels = ports_.requests.find(port);
  if (channels == ports_.requests.end()) {
    // Posted, so that the handler never runs before this returns, whatever the reason.
    return post([handler = std::move(handler), name = std::string{port}] {
      handler(fail("not_wired", "The request port `" + name + "` is not wired: name a channel for it in the launch file."));
    });
  }
  complete(message);
  // A port with several request channels asks the one that waits for the fewest answers.
  auto* const channel = *std::min_element(channels->second.begin(), channels->second.end(),
                                          [](const auto* a, const auto* b) { return a->outstanding() < b->outstanding(); });
  channel->ask(message, deadline, std::move(handler));
}

void NodeRuntime::every(std::chrono::milliseconds interval, std::function<void()> task) {
  const auto at_least = std::max(interval, std::chrono::milliseconds{1});
  timers_.push_back({clock_.now() + at_least, at_least, std::move(task)});
}

void NodeRuntime::post(std::function<void()> task) {
  {
    const std::lock_guard lock{mutex_};
    posted_.push_back(std::move(task));
  }
  if (wake_) wake_();
}

void NodeRuntime::finish(int exit_code) {
  exit_code_ = exit_code;
  begin_drain();
}

}  // namespace remuda
