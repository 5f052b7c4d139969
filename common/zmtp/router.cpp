#include "common/zmtp/router.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "common/log.hpp"

namespace remuda::zmtp {

namespace {

constexpr std::size_t scratch_size = 256 * 1024;
constexpr int events_max = 256;
constexpr int accepts_per_wait = 64;
/// Without a free descriptor, a listener that waits would make every wait() end at once (libzmq #1306).
constexpr std::chrono::seconds pause_when_full{1};
/// A peer with no more than this unsent is one that reads.
constexpr std::size_t reads_well = 64 * 1024;

// What an epoll event is about: peers have small numbers, the others carry a mark.
constexpr std::uint64_t listener_mark = 1ULL << 62U;
constexpr std::uint64_t watched_mark = 1ULL << 63U;

}  // namespace

Router::Router(const Clock& clock, const Settings& settings)
    : clock_{clock},
      settings_{settings},
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      scratch_{std::make_unique_for_overwrite<char[]>(scratch_size)},
      busy_wait_{settings.busy_wait_max} {
  if (!epoll_.is_open()) throw std::runtime_error{std::string{"cannot poll: "} + std::strerror(errno)};
}

Router::~Router() {
  for (const auto& listener : listeners_) {
    if (!listener.path.empty()) ::unlink(listener.path.c_str());
  }
}

Result<std::string> Router::listen(const std::string& endpoint) {
  auto listener = listen_at(endpoint, settings_.curve != nullptr);
  if (!listener) return Failure{listener.error()};
  watch(listener->socket.get(), listener_mark | listeners_.size(), EPOLLIN, EPOLL_CTL_ADD);
  listeners_.push_back(*std::move(listener));
  return listeners_.back().endpoint;
}

void Router::watch(int fd) {
  watch(fd, watched_mark | static_cast<std::uint64_t>(fd), EPOLLIN, EPOLL_CTL_ADD);
}

void Router::watch(int fd, std::uint64_t key, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  if (epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
    throw std::runtime_error{std::string{"cannot poll a descriptor: "} + std::strerror(errno)};
  }
}

// ---- waiting ----

void Router::wait(Duration timeout) {
  ready_.clear();
  readable_.clear();
  close_silent();
  trim_idle();
  resume_accepting();
  std::array<epoll_event, events_max> events{};
  if (!over_.empty() || timeout < Duration::zero()) timeout = {};
  const int count = wait_for_events(events, timeout);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const std::uint64_t key = event.data.u64;
    if ((key & watched_mark) != 0) {
      readable_.push_back(static_cast<int>(key & ~watched_mark));
    } else if ((key & listener_mark) != 0) {
      accept(listeners_[key & ~listener_mark]);
    } else {
      if ((event.events & EPOLLOUT) != 0) {
        if (const auto found = peers_.find(key); found != peers_.end()) flush(key, found->second);
      }
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) ready_.push_back(key);
    }
  }
  keep_turns();
}

int Router::wait_for_events(std::span<epoll_event> events, Duration timeout) {
  const auto poll = [&](Duration limit) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    const timespec time{seconds.count(), (limit - seconds).count()};
    return epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &time, nullptr);
  };
  if (settings_.busy_wait_max == Duration::zero() || timeout == Duration::zero()) return poll(timeout);
  const Instant begin = clock_.now();
  const Instant until = begin + timeout;
  const Instant sleep_at = begin + std::min(timeout, busy_wait_.budget());
  int count = 0;
  Instant now = begin;
  while (count == 0 && now < sleep_at) {
    count = poll(Duration::zero());
    if (count == 0) sched_yield();
    now = clock_.now();
  }
  if (count == 0) {
    count = poll(std::max(until - now, Duration::zero()));
    now = clock_.now();
  }
  busy_wait_.waited(now - begin);
  return count;
}

/// The kernel names the same peers first every time; who had no turn must not wait behind those that had.
void Router::keep_turns() {
  const auto contains = [](const std::vector<PeerId>& ids, PeerId id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  std::erase_if(passed_over_, [&](PeerId id) { return !contains(ready_, id); });
  std::erase_if(ready_, [&](PeerId id) { return contains(passed_over_, id); });
  ready_.insert(ready_.begin(), passed_over_.begin(), passed_over_.end());
}

bool Router::is_readable(int watched) const {
  return std::find(readable_.begin(), readable_.end(), watched) != readable_.end();
}

void Router::accept(Listener& listener) {
  for (int i = 0; i < accepts_per_wait; ++i) {
    bool full = false;
    Descriptor socket = accept_from(listener, full);
    if (full) {
      log_warning("no descriptor is left for another connection", {{"connections", peers_.size()}});
      accepting_ = false;
      accept_again_ = clock_.now() + pause_when_full;
      for (const auto& each : listeners_) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, each.socket.get(), nullptr);
    }
    if (!socket.is_open()) return;
    std::string address = listener.is_ipc ? std::string{} : address_of_peer(socket.get());
    if (const std::string reason = reason_to_refuse(address); !reason.empty()) {
      refuse_peer(socket.get(), reason);
      if (clock_.now() >= next_complaint_) log_warning("a connection is refused", {{"reason", reason}});
      next_complaint_ = std::max(next_complaint_, clock_.now() + pause_when_full);
      continue;
    }
    const PeerId id = next_peer_++;
    watch(socket.get(), id, EPOLLIN, EPOLL_CTL_ADD);
    auto curve = settings_.curve && !listener.is_ipc ? std::make_unique<Curve>(settings_.curve) : nullptr;
    Stream stream{std::move(socket), Stream::Side::router, settings_.max_frame_size, std::move(curve)};
    Peer& peer = peers_.emplace(id, Peer{std::move(stream)}).first->second;
    peer.events = EPOLLIN;
    if (!address.empty()) ++connections_from_[address];
    peer.address = std::move(address);
    unsent_ += peer.stream.unsent();
    handshakes_.push_back({clock_.now() + settings_.handshake_limit, id});
    flush(id, peer);
  }
}

/// Empty: it is welcome.
std::string Router::reason_to_refuse(const std::string& address) const {
  if (peers_.size() >= settings_.connections_max)
    return "over_limit: this broker serves " + std::to_string(settings_.connections_max) + " connections already";
  if (address.empty() || settings_.connections_per_address_max == 0) return {};
  const auto from = connections_from_.find(address);
  if (from == connections_from_.end() || from->second < settings_.connections_per_address_max) return {};
  return "over_limit: this broker serves " + std::to_string(from->second) + " connections from " + address + " already";
}

void Router::resume_accepting() {
  if (accepting_ || clock_.now() < accept_again_) return;
  accepting_ = true;
  for (std::size_t i = 0; i < listeners_.size(); ++i) watch(listeners_[i].socket.get(), listener_mark | i, EPOLLIN, EPOLL_CTL_ADD);
}

void Router::trim_idle() {
  if (clock_.now() < next_trim_) return;
  next_trim_ = clock_.now() + settings_.idle_after;
  for (auto& [id, peer] : peers_) {
    if (!std::exchange(peer.was_active, false)) peer.stream.trim();
  }
}

void Router::close_silent() {
  while (!handshakes_.empty() && handshakes_.front().limit <= clock_.now()) {
    const auto found = peers_.find(handshakes_.front().peer);
    handshakes_.pop_front();
    if (found != peers_.end() && !found->second.stream.is_open()) end(found->first, found->second);
  }
}

// ---- reading ----

std::size_t Router::take(std::size_t bytes_max, const Handlers& handlers) {
  std::size_t bytes = 0;
  auto at = ready_.begin();
  for (; at != ready_.end() && bytes < bytes_max; ++at) bytes += read(*at, handlers);
  passed_over_.assign(at, ready_.end());
  ready_.clear();
  bury(handlers);
  busy_wait_.turned(bytes);
  return bytes;
}

/// Returns how many bytes there were.
std::size_t Router::read(PeerId id, const Handlers& handlers) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second.is_over) return 0;
  Peer& peer = found->second;
  peer.was_active = true;
  const std::size_t unsent_before = peer.stream.unsent();
  const bool goes_on = peer.stream.read({scratch_.get(), scratch_size}, [&](Decoder::Event event, std::string_view content) {
    if (event == Decoder::Event::opened) return;
    peer.was_heard = true;
    if (event == Decoder::Event::frame) {
      handlers.on_frame(id, content);
    } else {
      handlers.on_multipart(id);
    }
  });
  const std::size_t received = peer.stream.received();
  const bool has_pong = peer.stream.unsent() > unsent_before;
  unsent_ += peer.stream.unsent() - unsent_before;
  if (!goes_on) {
    end(id, peer);
  } else if (has_pong && unsent_before == 0) {
    flush(id, peer);
  }
  return received;
}

// ---- writing ----

bool Router::can_take(const Peer& peer, std::size_t frame_size) const {
  const std::size_t unsent = peer.stream.unsent();
  if (peer.is_over || (unsent > 0 && unsent + frame_size > settings_.unsent_max_bytes)) return false;
  return unsent <= reads_well || unsent_ + frame_size <= settings_.unsent_total_max_bytes;
}

bool Router::can_take(PeerId id, std::size_t frame_size) const {
  const auto found = peers_.find(id);
  return found != peers_.end() && can_take(found->second, frame_size);
}

bool Router::send(PeerId id, std::string_view frame) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || !can_take(found->second, frame.size())) return false;
  Peer& peer = found->second;
  const std::size_t unsent = peer.stream.unsent();
  if (unsent == 0 && !peer.to_flush) {
    peer.to_flush = true;
    to_flush_.push_back(id);
  }
  peer.stream.queue(frame);
  unsent_ += peer.stream.unsent() - unsent;
  return true;
}

void Router::flush() {
  for (const PeerId id : to_flush_) {
    const auto found = peers_.find(id);
    if (found == peers_.end()) continue;
    found->second.to_flush = false;
    flush(id, found->second);
  }
  to_flush_.clear();
}

void Router::flush(PeerId id, Peer& peer) {
  if (peer.is_over) return;
  peer.was_active = true;
  const std::size_t before = peer.stream.unsent();
  const bool goes_on = peer.stream.flush();
  unsent_ -= before - peer.stream.unsent();
  if (!goes_on) return end(id, peer);
  watch_for(id, peer);
}

void Router::watch_for(PeerId id, Peer& peer) {
  const std::size_t unsent = peer.stream.unsent();
  std::uint32_t events = 0;
  if (unsent <= settings_.unsent_pause_bytes) events |= EPOLLIN;
  if (unsent > 0) events |= EPOLLOUT;
  if (events == peer.events) return;
  peer.events = events;
  watch(peer.stream.fd(), id, events, EPOLL_CTL_MOD);
}

// ---- the end of a peer ----

void Router::close(PeerId id) {
  if (const auto found = peers_.find(id); found != peers_.end()) end(id, found->second);
}

const std::string& Router::name_of(PeerId id) const {
  static const std::string nobody;
  const auto found = peers_.find(id);
  return found == peers_.end() ? nobody : found->second.stream.peer_name();
}

void Router::close_unless(const std::function<bool(const std::string& name)>& is_welcome) {
  for (auto& [id, peer] : peers_) {
    if (!peer.stream.peer_name().empty() && !is_welcome(peer.stream.peer_name())) end(id, peer);
  }
}

void Router::end(PeerId id, Peer& peer) {
  if (peer.is_over) return;
  peer.is_over = true;
  if (!peer.stream.is_open() && !peer.stream.problem().empty()) {
    const bool tell = peer.stream.is_sealed() && peer.stream.was_refused() && clock_.now() >= next_complaint_;
    if (tell) next_complaint_ = clock_.now() + pause_when_full;
    log_event(tell ? LogLevel::warning : LogLevel::debug, "a connection ended before it began",
              {{"from", peer.address}, {"reason", peer.stream.problem()}});
  }
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, peer.stream.fd(), nullptr);
  over_.push_back(id);
}

void Router::bury(const Handlers& handlers) {
  for (const PeerId id : std::exchange(over_, {})) {
    const auto found = peers_.find(id);
    const bool was_heard = found->second.was_heard;
    unsent_ -= found->second.stream.unsent();
    if (const auto from = connections_from_.find(found->second.address); from != connections_from_.end() && --from->second == 0)
      connections_from_.erase(from);
    peers_.erase(found);
    if (was_heard) handlers.on_gone(id);
  }
}

}  // namespace remuda::zmtp
