#include "nodes/forwarder/forwarder.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "common/log.hpp"
#include "common/socket.hpp"

namespace remuda {

namespace {

using forwarder::Item;
using forwarder::Key;

/// Of the 64 receives that a queue node lets one connection wait for.
constexpr std::size_t lines_per_connection = 48;
constexpr std::chrono::seconds receive_wait{20};
constexpr std::chrono::seconds unreachable_after{1};
constexpr std::chrono::milliseconds figures_interval{500};

std::vector<std::string_view> views_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

Result<void> outcome(const Result<Unit>& done) {
  if (!done) return Failure{done.error()};
  return {};
}

/// Up to the colon: what follows may differ from one time to the next.
std::string_view code_of(std::string_view trouble) {
  return trouble.substr(0, trouble.find(':'));
}

}  // namespace

Forwarder::~Forwarder() {
  stop();
  if (wake_fd_ >= 0) close(wake_fd_);
}

NodeDescription Forwarder::describe() const {
  return {.name = "forwarder",
          .summary = "carries what waits in outboxes of one broker to queues and streams of another, each message exactly once",
          .ports = {},
          .parameters = {{"from", ParameterType::broker, "", "the broker that has the outboxes"},
                         {"to", ParameterType::broker, "", "the broker that has the queues and streams"},
                         {"outboxes", ParameterType::table, "",
                          "where each outbox leads: { rides-outbox = { queue = \"rides\" } }, or stream"}}};
}

void Forwarder::start(NodeContext& context) {
  clock_ = &context.clock();
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd_ < 0) throw std::runtime_error{"no descriptor is left to wake the forwarder's thread with"};
  read_lines(context.parameters());
  const ClientIdentity identity{context.node_name(), {}};
  to_endpoint_ = context.parameters().broker("to");
  target_ = std::make_unique<BrokerClient>(to_endpoint_, identity, *clock_);
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (i % lines_per_connection == 0)
      sources_.push_back(std::make_unique<BrokerClient>(context.parameters().broker("from"), identity, *clock_));
    lines_[i]->from = sources_.back().get();
  }
  connected_at_ = clock_->now();
  show_figures(context);
  context.every(figures_interval, [this, &context] { show_figures(context); });
  // Signals belong to the thread that runs the node: a new thread inherits the mask that is set while it is made.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Forwarder::read_lines(const Parameters& parameters) {
  for (const auto& [outbox, where] : parameters.json("outboxes").items()) {
    const bool is_one = where.is_object() && where.size() == 1 && where.begin().value().is_string();
    const std::string kind = is_one ? where.begin().key() : "";
    if (kind != "queue" && kind != "stream")
      throw std::invalid_argument{"outboxes: '" + outbox +
                                  "' has to say where it leads: { queue = \"NAME\" } or { stream = \"NAME\" }"};
    auto line = std::make_unique<Line>();
    line->outbox = outbox;
    line->target = where.begin().value().get<std::string>();
    line->to_stream = kind == "stream";
    lines_.push_back(std::move(line));
  }
}

Outcome Forwarder::on_message(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

void Forwarder::show_figures(NodeContext& context) {
  const auto show = [&](std::string_view name, const std::atomic<std::int64_t>& figure, std::int64_t& shown) {
    const std::int64_t now = figure;
    context.count(name, now - std::exchange(shown, now));
  };
  show("forwarded", stored_, shown_stored_);
  show("forwarded_before", repeats_, shown_repeats_);
  show("undeliverable", diverted_, shown_diverted_);
}

void Forwarder::drain() {
  draining_ = true;
  wake();
}

void Forwarder::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
}

void Forwarder::wake() {
  const std::uint64_t one = 1;
  // The counter cannot be full: it is read whenever the thread comes round.
  [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
}

// ---- the thread ----

void Forwarder::run() {
  while (!stopping_) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(wake_fd_, &count, sizeof count);
    if (draining_ && !drains_) begin_drain();
    target_->tick();
    for (const auto& source : sources_) source->tick();
    turn();
    rest();
  }
}

void Forwarder::turn() {
  std::int64_t stored = 0;
  std::int64_t repeats = 0;
  std::int64_t diverted = 0;
  bool all_idle = true;
  for (const auto& line : lines_) {
    if (drains_ && !target_->connected()) line->route.give_up_asking();
    while (auto action = line->route.next(clock_->now())) {
      std::visit([&](const auto& what) { perform(*line, what); }, *action);
    }
    tell(*line);
    stored += static_cast<std::int64_t>(line->route.stored());
    repeats += static_cast<std::int64_t>(line->route.repeats());
    diverted += static_cast<std::int64_t>(line->route.diverted());
    all_idle = all_idle && (line->route.idle() || !line->from->connected());
  }
  stored_ = stored;
  repeats_ = repeats;
  diverted_ = diverted;
  tell_connection();
  // What was asked last has to be on its way before the node may end: the releases.
  if (drains_)
    idle_ = all_idle && std::all_of(sources_.begin(), sources_.end(),
                                    [](const auto& source) { return source->unanswered() == 0 || !source->connected(); });
}

void Forwarder::begin_drain() {
  drains_ = true;
  for (const auto& line : lines_) line->route.drain();
  for (const auto& source : sources_) source->cancel_receives();
}

void Forwarder::rest() {
  items_.clear();
  items_.push_back({nullptr, wake_fd_, ZMQ_POLLIN, 0});
  target_->append_poll_items(items_);
  Instant deadline = target_->next_deadline();
  for (const auto& source : sources_) {
    source->append_poll_items(items_);
    deadline = std::min(deadline, source->next_deadline());
  }
  const Instant now = clock_->now();
  for (const auto& line : lines_) {
    if (const Instant again = line->route.next_deadline(); again > now) deadline = std::min(deadline, again);
  }
  if (!told_unreachable_ && !target_->connected()) deadline = std::min<Instant>(deadline, connected_at_ + unreachable_after);
  long timeout_ms = -1;
  if (deadline != Instant::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_->now());
    timeout_ms = static_cast<long>(std::max<std::int64_t>(left.count(), 0));
  }
  poll(items_, timeout_ms);
}

// ---- what people are told ----

void Forwarder::tell(Line& line) {
  const std::string& trouble = line.route.trouble();
  if (code_of(trouble) == code_of(line.told)) return;
  if (trouble.empty()) {
    log_info("forwarding goes on", {{"outbox", line.outbox}, {"to", line.target}});
  } else {
    log_warning("what waits in an outbox is not taken; it is tried again",
                {{"outbox", line.outbox}, {"to", line.target}, {"reason", trouble}});
  }
  line.told = trouble;
}

void Forwarder::tell_connection() {
  const Instant now = clock_->now();
  if (target_->connected()) {
    if (std::exchange(told_unreachable_, false)) log_info("the other broker is back", {{"endpoint", to_endpoint_}});
    connected_at_ = now;
  } else if (!told_unreachable_ && now - connected_at_ >= unreachable_after) {
    told_unreachable_ = true;
    log_warning("the other broker cannot be reached; what is for it waits in its outboxes", {{"endpoint", to_endpoint_}});
  }
}

// ---- requests ----

void Forwarder::perform(Line& line, const forwarder::AskProgress&) {
  target_->progress(line.outbox, [this, &line](Result<wire::Progress> progress) {
    if (!progress) return line.route.on_progress(Failure{progress.error()}, clock_->now());
    line.route.on_progress(std::pair{progress->version, std::move(progress->value)}, clock_->now());
  });
}

void Forwarder::perform(Line& line, const forwarder::Receive& action) {
  line.from->receive_exclusively(line.outbox, action.max, receive_wait, [this, &line](Result<std::span<const wire::Received>> got) {
    if (!got) return line.route.on_received(Failure{got.error()}, clock_->now());
    std::vector<Item> items;
    items.reserve(got->size());
    for (const auto& received : *got) items.push_back(forwarder::item_of(received.handle, received.message));
    line.route.on_received(std::move(items), clock_->now());
  });
}

void Forwarder::perform(Line& line, const forwarder::Store& action) {
  std::vector<std::string_view> messages;
  messages.reserve(action.items.size());
  for (const Item& item : action.items) messages.push_back(item.packed);
  Transaction transaction;
  line.to_stream ? transaction.append(line.target, messages) : transaction.send(line.target, messages);
  transaction.keep_progress(line.outbox, action.after, action.progress);
  target_->transact(transaction, [this, &line](const Result<Unit>& done) { line.route.on_stored(outcome(done), clock_->now()); });
}

void Forwarder::perform(Line& line, const forwarder::Delete& action) {
  line.from->delete_messages(line.outbox, views_of(action.handles), [this, &line](Result<std::vector<wire::HandleError>> done) {
    if (!done) return line.route.on_deleted(Failure{done.error()}, clock_->now());
    std::vector<std::size_t> refused;
    for (const auto& error : *done) refused.push_back(error.index);
    line.route.on_deleted(std::move(refused), clock_->now());
  });
}

void Forwarder::perform(Line& line, const forwarder::Divert& action) {
  log_error("the other broker will never take this message; it goes to the dead letters of its outbox",
            {{"outbox", line.outbox}, {"to", line.target}, {"reason", action.reason}});
  line.from->reject(line.outbox, action.handle, action.reason,
                    [this, &line](const Result<Unit>& done) { line.route.on_diverted(outcome(done), clock_->now()); });
}

void Forwarder::perform(Line& line, const forwarder::Release& action) {
  line.from->release(line.outbox, views_of(action.handles), [](const Result<std::vector<wire::HandleError>>&) {});
}

}  // namespace remuda
