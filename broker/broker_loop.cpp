#include "broker/broker_loop.hpp"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "broker/background_scrub.hpp"
#include "broker/broker.hpp"
#include "broker/engine/queue_engine.hpp"
#include "broker/group_commit.hpp"
#include "broker/journal/journal.hpp"
#include "broker/self_test.hpp"
#include "common/control.hpp"
#include "common/declarations.hpp"
#include "common/descriptor.hpp"
#include "common/keys/key_folder.hpp"
#include "common/log.hpp"
#include "common/mutant.hpp"
#include "common/socket.hpp"
#include "common/topology/definitions.hpp"
#include "common/wire.hpp"
#include "common/zmtp/router.hpp"
#include "remuda/version.hpp"

namespace remuda::broker {

namespace {

// One turn takes at most this much, so that confirmations do not wait for a flood to end.
constexpr std::size_t bytes_per_turn = 1U << 20U;
constexpr std::uint64_t compaction_per_turn = 1U << 20U;
/// The loop comes round at least this often, which the supervisor sees as its age.
constexpr std::chrono::milliseconds longest_wait{1'000};
/// While the disk is full it looks for space more often.
constexpr std::chrono::milliseconds longest_wait_full{250};
/// A key that is revoked works at most so long.
constexpr std::chrono::milliseconds clients_refresh{1'000};
constexpr rlim_t connections_default = 10'000;
constexpr rlim_t files_besides = 128;  // the journal's, listeners, the control channel's

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error{result.error().message};
  return *std::move(result);
}
void or_throw(const Result<void>& result) {
  if (!result) throw std::runtime_error{result.error().message};
}

Descriptor termination_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  Descriptor descriptor{signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!descriptor.is_open()) throw std::runtime_error{std::string{"cannot watch signals: "} + std::strerror(errno)};
  return descriptor;
}

Descriptor wake_up_call() {
  Descriptor descriptor{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!descriptor.is_open()) throw std::runtime_error{std::string{"cannot create an event descriptor: "} + std::strerror(errno)};
  return descriptor;
}

/// One descriptor per client. Returns how many clients there may be; throws when it was said and cannot be.
std::size_t make_room_for_connections(const Options& options) {
  const rlim_t asked = options.connections_max > 0 ? static_cast<rlim_t>(options.connections_max) : connections_default;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    throw std::runtime_error{std::string{"cannot read the limit of open files: "} + std::strerror(errno)};
  const rlim_t wanted = asked + files_besides;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(limit.rlim_max, wanted);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
      throw std::runtime_error{std::string{"cannot raise the limit of open files: "} + std::strerror(errno)};
  }
  if (limit.rlim_cur >= wanted) return asked;
  if (options.connections_max > 0 || limit.rlim_cur <= files_besides) {
    throw std::runtime_error{std::to_string(asked) + " connections need " + std::to_string(wanted) +
                             " open files and the limit is " + std::to_string(limit.rlim_cur) +
                             ": raise it (ulimit -Hn, LimitNOFILE) or lower --max-connections"};
  }
  const rlim_t possible = limit.rlim_cur - files_besides;
  log_warning("the limit of open files allows fewer connections", {{"connections", possible}, {"open_files", limit.rlim_cur}});
  return possible;
}

topology::Definitions read_definitions_file(const Options& options) {
  if (options.definitions_file.empty()) return {};
  std::ifstream file{options.definitions_file};
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error{"cannot read " + options.definitions_file};
  return or_throw(topology::read_definitions(text.str(), options.definitions_file, options.name));
}

/// A frame must hold the largest message of any queue, with room for what stands around it.
std::uint64_t frame_size_for(const topology::Definitions& definitions) {
  constexpr std::uint64_t around_a_message = 64 * 1024;
  std::uint64_t size = frame_size_default;
  for (const auto& queue : definitions.queues) size = std::max(size, queue.max_message_size_bytes + around_a_message);
  return std::min(size, frame_size_max);
}

std::optional<keys::ClientList> known_clients(const Options& options) {
  if (options.keys_folder.empty()) return std::nullopt;
  return or_throw(keys::ClientList::open(keys::KeyFolder{options.keys_folder}));
}

/// Whoever shows a key is known by it from then on: what it may do is looked up at every request, so a changed role counts at once.
std::shared_ptr<const zmtp::CurveServer> curve_server(const Options& options, const std::optional<keys::ClientList>& clients) {
  if (!clients) return nullptr;
  // A core dump would hold the secret (RELIABILITY 6.5).
  if (prctl(PR_SET_DUMPABLE, 0) != 0) throw std::runtime_error{"cannot keep the key out of core dumps"};
  zmtp::CurveServer server;
  server.keys = or_throw(keys::KeyFolder{options.keys_folder}.server_keys());
  server.admit = [&clients](const zmtp::CurveKey& key, std::string& why) {
    const keys::KnownClient* client = clients->find(zmtp::text_of(key), why);
    return client == nullptr ? std::string{} : client->key;
  };
  return std::make_shared<const zmtp::CurveServer>(std::move(server));
}

zmtp::Router::Settings router_settings(const Options& options, std::uint64_t max_frame_size,
                                       std::shared_ptr<const zmtp::CurveServer> curve) {
  zmtp::Router::Settings settings;
  settings.curve = std::move(curve);
  settings.max_frame_size = max_frame_size;
  settings.unsent_max_bytes = options.peer_buffer_bytes;
  settings.busy_wait_max = options.busy_wait_max;
  settings.connections_max = make_room_for_connections(options);
  settings.connections_per_address_max = static_cast<std::size_t>(options.connections_per_address_max);
  return settings;
}

/// The broker knows connections by text.
std::string_view routing_id_of(const zmtp::PeerId& peer) {
  return {reinterpret_cast<const char*>(&peer), sizeof peer};
}
zmtp::PeerId peer_of(std::string_view routing_id) {
  zmtp::PeerId peer = 0;
  routing_id.copy(reinterpret_cast<char*>(&peer), sizeof peer);
  return peer;
}

class BrokerLoop {
 public:
  explicit BrokerLoop(const Options& options);
  int run();

 private:
  void open();
  void declare(const topology::Definitions& definitions);
  void start_control();
  [[nodiscard]] ControlReport report() const;
  void on_frame(zmtp::PeerId peer, std::string_view frame);
  void refresh_clients();
  void wait();
  [[nodiscard]] bool commit(bool sync);
  void send_held();
  void tidy();
  int end(int exit_code, const std::string& reason);
  int poisoned(const std::string& reason);

  // constant after construction
  Options options_;
  SystemClock clock_;
  topology::Definitions definitions_;
  Descriptor signals_;
  Descriptor wake_;  ///< written by the control thread when the supervisor asks to drain
  std::unique_ptr<Folder> folder_;
  Journal journal_;
  QueueEngine engine_;
  std::uint64_t max_frame_size_;
  std::optional<Broker> broker_;
  std::optional<BackgroundScrub> scrub_;

  std::optional<keys::ClientList> clients_;  ///< none: no keys
  Instant next_refresh_{};

  Context context_;  // the control channel's
  zmtp::Router router_;
  zmtp::Router::Handlers handlers_;
  SendFrame send_;
  SendFrame hold_;  ///< for what waits for a sync of several turns
  std::unique_ptr<ControlClient> control_;

  GroupCommit group_commit_;
  bool sync_waits_ = false;  ///< for more to come
  struct Held {
    zmtp::PeerId peer;
    std::size_t size;
  };
  std::vector<Held> held_;
  std::string held_frames_;  ///< one behind the other
  bool drain_requested_ = false;
  bool more_to_do_ = false;
  std::uint32_t truncated_before_ = 0;
  bool truncation_pending_ = false;

  // read by the control thread
  std::atomic<bool> ready_{false};
  std::atomic<Instant::rep> last_round_{0};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> refusals_{0};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> journal_bytes_{0};
  std::atomic<std::uint64_t> damaged_records_{0};
  std::atomic<std::uint64_t> scrub_passes_{0};
};

JournalOptions journal_options(const Options& options) {
  JournalOptions journal;
  journal.segment_size_bytes = options.segment_size_bytes;
  journal.body_cache_bytes = options.body_cache_bytes;
  journal.salvage = options.salvage;
  return journal;
}

BrokerLoop::BrokerLoop(const Options& options)
    : options_{options},
      definitions_{read_definitions_file(options)},
      signals_{termination_signals()},
      wake_{wake_up_call()},
      folder_{or_throw(open_folder(options.data_folder))},
      journal_{*folder_, journal_options(options)},
      engine_{journal_, options.segment_size_bytes},
      max_frame_size_{frame_size_for(definitions_)},
      clients_{known_clients(options)},
      router_{clock_, router_settings(options, max_frame_size_, curve_server(options, clients_))},
      handlers_{[this](zmtp::PeerId peer, std::string_view frame) { on_frame(peer, frame); },
                [this](zmtp::PeerId peer) { broker_->on_multipart(routing_id_of(peer)); },
                [this](zmtp::PeerId peer) { broker_->on_gone(routing_id_of(peer)); }},
      send_{[this](const Connection& to, std::string_view frame) { return router_.send(peer_of(to.routing_id), frame); }},
      hold_{[this](const Connection& to, std::string_view frame) {
        const zmtp::PeerId peer = peer_of(to.routing_id);
        if (!router_.can_take(peer, frame.size())) return false;
        held_.push_back({peer, frame.size()});
        held_frames_ += frame;
        return true;
      }} {
  router_.watch(signals_.get());
  router_.watch(wake_.get());
}

// ---- start ----

void BrokerLoop::open() {
  const Instant begin = clock_.now();
  // Behind a gap that was salvaged stand records of queues and messages that nobody knows any more, at this and at every later start.
  std::uint64_t refused = 0;
  std::optional<Error> refusal;
  const auto replay = [&](std::uint64_t sequence, std::string_view operations, Location payload) {
    auto done = engine_.replay(operations, payload);
    if (done) return;
    ++refused;
    if (refusal) return;
    refusal = done.error();
    refusal->message += " (record " + std::to_string(sequence) + ", segment " + std::to_string(payload.segment) + ", offset " +
                        std::to_string(payload.offset) + ")";
  };
  const Recovery recovery = or_throw(journal_.open(replay, [this] { return engine_.checkpoint(); }));
  if (refusal && recovery.gaps == 0) throw std::runtime_error{refusal->message};
  for (const auto& warning : recovery.warnings) log_warning(warning);
  for (const auto& lost : recovery.lost) {
    log_error("part of the journal was given up", {{"file", lost.file},
                                                   {"offset", lost.offset},
                                                   {"size_bytes", lost.size_bytes},
                                                   {"records", lost.last_sequence + 1 - lost.first_sequence},
                                                   {"maybe_more", lost.open_ended}});
  }
  if (refused > 0) {
    log_error("records rest on what was given up, and are given up too", {{"records", refused}, {"first", refusal->message}});
  }
  engine_.recovered(moment_of(clock_));
  BrokerSettings settings{options_.name, max_frame_size_};
  settings.backup_source = &journal_;
  settings.waiting_receives_max = static_cast<std::size_t>(options_.waiting_receives_max);
  broker_.emplace(engine_, journal_, clock_, std::move(settings));
  or_throw(broker_->restore_topics());
  declare(definitions_);
  or_throw(journal_.sync());
  std::uint64_t waiting = 0;
  const auto queues = engine_.queues(moment_of(clock_));
  for (const auto& queue : queues) waiting += queue.visible + queue.in_flight + queue.delayed;
  log_info("recovered", {{"records", recovery.records},
                         {"queues", queues.size()},
                         {"messages", waiting},
                         {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begin).count()}});
}

void BrokerLoop::declare(const topology::Definitions& definitions) {
  for (const auto& topic : definitions.topics) or_throw(broker_->declare(declaration_of(topic)));
  for (const auto& queue : definitions.queues) {
    if (auto declared = broker_->declare(declaration_of(queue)); !declared) {
      throw std::runtime_error{options_.definitions_file + ": queue '" + queue.name + "': " + declared.error().message};
    }
  }
  for (const auto& stream : definitions.streams) {
    if (auto declared = broker_->declare(declaration_of(stream)); !declared) {
      throw std::runtime_error{options_.definitions_file + ": stream '" + stream.name + "': " + declared.error().message};
    }
  }
}

void BrokerLoop::start_control() {
  ControlClient::Options options;
  options.endpoint = options_.control_endpoint;
  options.hello = {options_.name, 0, getpid(), REMUDA_VERSION};
  options.life_fd = life_fd_from_environment();
  ControlClient::Handlers handlers;
  handlers.report = [this] { return report(); };
  handlers.drain = [this] {
    const std::uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof one) < 0) return;  // full: it is awake already
  };
  control_ = std::make_unique<ControlClient>(context_.native(), std::move(options), std::move(handlers));
}

ControlReport BrokerLoop::report() const {
  ControlReport report;
  report.state = ready_ ? "ready" : "starting";
  report.processed = requests_;
  report.failed = refusals_;
  report.loop_age =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now().time_since_epoch() - Instant::duration{last_round_});
  report.counts = {{"connections", static_cast<std::int64_t>(connections_)},
                   {"journal_bytes", static_cast<std::int64_t>(journal_bytes_)},
                   {"damaged_records", static_cast<std::int64_t>(damaged_records_)},
                   {"scrub_passes", static_cast<std::int64_t>(scrub_passes_)}};
  return report;
}

// ---- the loop ----

int BrokerLoop::run() {
  last_round_ = clock_.now().time_since_epoch().count();
  start_control();
  open();
  for (const auto& endpoint : options_.listen) {
    const std::string bound = or_throw(router_.listen(endpoint));
    if (clients_ && bound.starts_with("tcp://")) {
      log_info("self-test: two strangers try to get in", {{"endpoint", bound}});
      or_throw(
          strangers_are_refused(router_, bound, or_throw(keys::KeyFolder{options_.keys_folder}.server_keys()).public_key, clock_));
    }
    log_info("listening", {{"endpoint", bound}});
  }
  scrub_.emplace(journal_, options_.scrub);
  ready_ = true;
  control_->ready();
  log_info("ready");
  while (true) {
    wait();
    broker_->begin_turn();
    for (const auto& routing_id : broker_->take_unreachable()) router_.close(peer_of(routing_id));
    if (drain_requested_) {
      broker_->drain();  // what clients still send stays unanswered: they resend it to whoever comes next
    } else {
      group_commit_.take(router_.take(bytes_per_turn, handlers_));
    }
    if (!commit(broker_->end_turn())) return poisoned(journal_.state_reason());
    if (const auto damaged = broker_->damaged()) {
      return poisoned("a stored message is damaged (segment " + std::to_string(damaged->place.segment) + ", offset " +
                      std::to_string(damaged->place.offset) + ")");
    }
    // What a drain could not hand out is given back by one more turn.
    if (drain_requested_ && !broker_->wants_another_turn()) break;
    tidy();
  }
  scrub_.reset();
  if (auto closed = journal_.close(); !closed) return poisoned(closed.error().message);
  return end(0, "drained");
}

void BrokerLoop::on_frame(zmtp::PeerId peer, std::string_view frame) {
  const std::string& key = router_.name_of(peer);
  if (key.empty()) return broker_->on_frame(routing_id_of(peer), frame);
  std::string why;
  const keys::KnownClient* client = clients_->find(key, why);
  if (client == nullptr) return router_.close(peer);
  broker_->on_frame(routing_id_of(peer), frame, client);
}

void BrokerLoop::refresh_clients() {
  next_refresh_ = clock_.now() + clients_refresh;
  std::string problem;
  if (clients_->refresh(problem)) {
    log_info("the list of known clients changed", {{"clients", clients_->size()}});
    router_.close_unless([this](const std::string& key) {
      std::string why;
      return clients_->find(key, why) != nullptr;
    });
  }
  if (!problem.empty()) log_error("the list of known clients cannot be read; the earlier one holds", {{"reason", problem}});
}

void BrokerLoop::wait() {
  if (clients_ && clock_.now() >= next_refresh_) refresh_clients();
  const Instant now = clock_.now();
  last_round_ = now.time_since_epoch().count();
  const bool disk_full = journal_.state() == StorageState::read_only;
  Instant until = std::min(broker_->next_deadline(), now + (disk_full ? longest_wait_full : longest_wait));
  if (clients_) until = std::min(until, next_refresh_);
  if (sync_waits_) until = std::min(until, group_commit_.due());
  const bool at_once = more_to_do_ || truncation_pending_ || broker_->wants_another_turn() || until <= now;
  router_.wait(at_once ? Duration::zero() : until - now);
  if (router_.is_readable(signals_.get())) {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {}
    drain_requested_ = true;
  }
  if (router_.is_readable(wake_.get())) drain_requested_ = true;
}

/// Write, send what need not wait, sync, confirm. False when the disk failed: then nothing is confirmed any more.
bool BrokerLoop::commit(bool sync) {
  if (REMUDA_MUTANT(81)) broker_->send_written(send_), router_.flush();
  if (!journal_.write()) return false;
  // What a turn answers may rest on what the turns before it stored. So while their sync waits, every answer waits with it.
  const bool others_wait = std::exchange(sync_waits_, false);
  broker_->send_written(others_wait ? hold_ : send_);
  router_.flush();
  if (REMUDA_MUTANT(80)) broker_->send_synced(send_), router_.flush();
  const Instant begin = clock_.now();
  sync = sync || others_wait;
  if (sync && !truncation_pending_ && !drain_requested_) sync_waits_ = group_commit_.wait_for_more(begin);
  if (others_wait || sync_waits_) broker_->send_synced(hold_);
  if (sync_waits_) return true;
  if (sync || truncation_pending_) {
    if (!journal_.sync()) return false;
    truncation_pending_ = false;
    group_commit_.synced(begin, clock_.now());
  }
  if (others_wait) {
    send_held();
  } else {
    broker_->send_synced(send_);
  }
  router_.flush();
  return true;
}

/// In the order in which it was held. Who left meanwhile gets it no more than if it had left a moment later.
void BrokerLoop::send_held() {
  std::string_view frames = held_frames_;
  for (const auto& [peer, size] : held_) {
    static_cast<void>(router_.send(peer, frames.substr(0, size)));
    frames.remove_prefix(size);
  }
  held_.clear();
  held_frames_.clear();
}

void BrokerLoop::tidy() {
  const Moment moment = moment_of(clock_);
  journal_.tick(moment.now);
  more_to_do_ = engine_.compact(compaction_per_turn, moment);
  if (const std::uint32_t needed = engine_.oldest_needed_segment(); needed > truncated_before_) {
    truncated_before_ = needed;
    if (needed > journal_.oldest_segment()) {
      journal_.truncate(needed);
      truncation_pending_ = true;
    }
  }
  requests_ = broker_->requests();
  refusals_ = broker_->refusals();
  connections_ = broker_->connections();
  journal_bytes_ = journal_.size_bytes();
  for (const auto& damage : scrub_->take()) broker_->note_damage(damage);
  damaged_records_ = broker_->damaged_records();
  scrub_passes_ = scrub_->passes();
}

// ---- the end ----

int BrokerLoop::end(int exit_code, const std::string& reason) {
  log_event(exit_code == 0 ? LogLevel::info : LogLevel::error, "ends", {{"exit_code", exit_code}, {"reason", reason}});
  control_->bye(exit_code, reason);
  return exit_code;
}

int BrokerLoop::poisoned(const std::string& reason) {
  log_error("the disk failed: nothing is confirmed any more; look at it before starting this broker again",
            {{"data", options_.data_folder}});
  return end(REMUDA_MUTANT(82) ? 1 : exit_poisoned, reason);
}

}  // namespace

int run_broker(const Options& options) {
  // A queue node is one process with one context: it lives until the end of the process.
  BrokerLoop loop{options};
  return loop.run();
}

}  // namespace remuda::broker
