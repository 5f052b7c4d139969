#pragma once
// The listening end: what a ROUTER socket is to its DEALERs, without a thread of its own. One thread, one epoll; the owner waits
// here for everything it waits for. Peers are told apart by numbers that are never used twice, and their end is told.
//
// Refused: peers that are silent during the handshake (5 s), frames above the limit, ipc peers of other users, connections above
// the limits; these are told why (`over_limit`) in the words of ZMTP. A peer that does not read is not waited for: once much is
// unsent it is not read from either, so that it cannot ask for more, and once too much is, send() says so.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/clock.hpp"
#include "common/result.hpp"
#include "common/zmtp/busy_wait.hpp"
#include "common/zmtp/stream.hpp"
#include "common/zmtp/stream_socket.hpp"

struct epoll_event;

namespace remuda::zmtp {

using PeerId = std::uint64_t;

class Router {
 public:
  struct Settings {
    std::uint64_t max_frame_size = 4ULL * 1024 * 1024;
    std::size_t unsent_max_bytes = 16ULL * 1024 * 1024;  ///< per peer; one frame is always taken
    std::chrono::milliseconds handshake_limit{5'000};
    std::size_t unsent_pause_bytes = 1024 * 1024;               ///< per peer: with more unsent than this it is not read from
    std::size_t unsent_total_max_bytes = 256ULL * 1024 * 1024;  ///< of all peers; then only those that read get anything
    std::size_t connections_max = 10'000;
    std::size_t connections_per_address_max = 0;  ///< 0: no limit but the one above; ipc has no addresses
    std::chrono::milliseconds idle_after{5'000};  ///< a connection without traffic gives its memory back
    std::chrono::microseconds busy_wait_max{0};   ///< see BusyWait; zero: it sleeps at once. Needs a clock that goes on by itself
    /// Who connects over TCP must show a key that it admits; null: no keys, and only loopback.
    std::shared_ptr<const CurveServer> curve = nullptr;
  };
  /// What take() tells, in the order in which it happened. Content is valid during the call.
  struct Handlers {
    std::function<void(PeerId, std::string_view frame)> on_frame;
    std::function<void(PeerId)> on_multipart;
    std::function<void(PeerId)> on_gone;  ///< told once, for every peer that ever sent something
  };

  /// `clock` must outlive it. Throws std::runtime_error when the system has no descriptors.
  Router(const Clock& clock, const Settings& settings);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  ~Router();

  /// Returns the endpoint as bound. Errors: as listen_at().
  Result<std::string> listen(const std::string& endpoint);
  /// wait() also ends when this descriptor is readable; it stays the caller's.
  void watch(int fd);

  /// Waits until there is something to take() or a watched descriptor is readable, at most so long. An interrupted wait ends early.
  void wait(Duration timeout);
  [[nodiscard]] bool is_readable(int watched) const;
  /// Reads every ready peer once, until `bytes_max` are reached; peers that had no turn come first after the next wait().
  /// Returns how many bytes were read.
  std::size_t take(std::size_t bytes_max, const Handlers& handlers);

  /// Puts a frame in line for a peer; it leaves with flush(), together with whatever else that peer gets. False: the peer is gone,
  /// or does not read.
  bool send(PeerId peer, std::string_view frame);
  /// Whether send() would take a frame of this size.
  [[nodiscard]] bool can_take(PeerId peer, std::size_t frame_size) const;
  void flush();
  /// Ends the connection; on_gone follows.
  void close(PeerId peer);
  /// The name that the peer's key was admitted under; empty: it came over ipc, or keys are not used here.
  [[nodiscard]] const std::string& name_of(PeerId peer) const;
  /// Ends every connection whose key is not welcome any more.
  void close_unless(const std::function<bool(const std::string& name)>& is_welcome);

  [[nodiscard]] std::size_t peers() const { return peers_.size(); }

 private:
  struct Peer {
    explicit Peer(Stream its_stream) : stream{std::move(its_stream)} {}
    Stream stream;
    bool was_heard = false;
    bool to_flush = false;
    std::uint32_t events = 0;  ///< what epoll watches for
    bool was_active = true;    ///< since the last look for idle ones
    bool is_over = false;
    std::string address;  ///< of the other side; empty: ipc
  };

  [[nodiscard]] bool can_take(const Peer& peer, std::size_t frame_size) const;
  int wait_for_events(std::span<epoll_event> events, Duration timeout);
  void accept(Listener& listener);
  [[nodiscard]] std::string reason_to_refuse(const std::string& address) const;
  void keep_turns();
  std::size_t read(PeerId id, const Handlers& handlers);
  void flush(PeerId id, Peer& peer);
  void end(PeerId id, Peer& peer);
  void bury(const Handlers& handlers);
  void watch(int fd, std::uint64_t key, std::uint32_t events, int operation);
  void watch_for(PeerId id, Peer& peer);
  void close_silent();
  void trim_idle();
  void resume_accepting();

  // constant after construction
  const Clock& clock_;
  Settings settings_;
  Descriptor epoll_;
  std::unique_ptr<char[]> scratch_;

  std::deque<Listener> listeners_;
  bool accepting_ = true;
  Instant accept_again_{};
  std::unordered_map<PeerId, Peer> peers_;
  std::unordered_map<std::string, std::size_t> connections_from_;  ///< by address
  std::size_t unsent_ = 0;                                         ///< of all peers
  Instant next_trim_{};
  BusyWait busy_wait_;
  Instant next_complaint_{};
  PeerId next_peer_ = 1;
  struct Handshake {
    Instant limit;
    PeerId peer;
  };
  std::deque<Handshake> handshakes_;
  std::vector<PeerId> ready_;        ///< of the last wait(): peers to read
  std::vector<PeerId> passed_over_;  ///< were ready and had no turn, in the order of their turns
  std::vector<int> readable_;        ///< of the last wait(): watched descriptors
  std::vector<PeerId> to_flush_;
  std::vector<PeerId> over_;  ///< their end has yet to be told
};

}  // namespace remuda::zmtp
