#pragma once
// The connecting end: what a DEALER with one connection is, without a thread of its own. Connects again by itself, each time
// a little later (20 ms to 2 s), and tells when a connection begins and when it is over; frames belong to one connection and
// end with it.

#include <zmq.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/zmtp/stream.hpp"

namespace remuda::zmtp {

class Dealer {
 public:
  struct Handlers {
    std::function<void()> on_connected;
    std::function<void(std::string_view frame)> on_frame;  ///< valid during the call
    std::function<void()> on_disconnected;                 ///< after on_connected only
  };

  /// Begins to connect at once. `clock` must outlive it. Throws std::runtime_error when the endpoint has a wrong form.
  /// `curve`: the keys to show over TCP, and the one that the server must have; null: none.
  Dealer(std::string endpoint, std::uint64_t max_frame_size, const Clock& clock,
         std::shared_ptr<const CurveClient> curve = nullptr);

  /// Gives the frame to the socket at once, as far as it takes it. Without a connection the frame is dropped.
  void send(std::string_view frame);

  /// Ends the connection that is there, with whatever has not reached the peer, and begins another: for an owner that knows better
  /// than the kernel that the peer is away.
  void reconnect(const Handlers& handlers);

  /// Connects, reads and writes what can be without waiting.
  void process(const Handlers& handlers);

  /// Why the peer, or this end, did not accept the other the last time; empty: it did, or there was nobody.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  /// At most one item.
  void append_poll_items(std::vector<zmq_pollitem_t>& items) const;
  /// When process() wants to be called at the latest; Instant::max() when never.
  [[nodiscard]] Instant next_deadline() const;

 private:
  enum class State {
    waiting,     ///< until retry_at_
    connecting,  ///< the kernel is at it
    greeting,    ///< the peer has yet to say what it is
    connected,
  };

  void begin();
  void fail(const Handlers* handlers);
  void read(const Handlers& handlers);

  // constant after construction
  std::string endpoint_;
  std::uint64_t max_frame_size_;
  const Clock& clock_;
  std::shared_ptr<const CurveClient> curve_;
  std::unique_ptr<char[]> scratch_;

  State state_ = State::waiting;
  std::string refusal_;
  std::optional<Stream> stream_;
  bool broke_ = false;  ///< noticed while sending; told by process()
  Instant retry_at_{};  ///< waiting: when to connect; connecting, greeting: when to give up
  Duration back_off_;
  std::minstd_rand random_;
};

}  // namespace remuda::zmtp
