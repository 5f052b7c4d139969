#include "common/zmtp/dealer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/log.hpp"
#include "common/socket.hpp"
#include "common/zmtp/stream_socket.hpp"

namespace remuda::zmtp {

namespace {

constexpr std::size_t scratch_size = 256 * 1024;
/// Reads in one go, so that the owner's other sockets get their turn.
constexpr int reads_per_round = 4;
constexpr std::chrono::milliseconds back_off_min{20};
constexpr std::chrono::milliseconds back_off_max{1'000};
/// The kernel repeats a lost SYN after 1, 3, 7 ... s: a new attempt finds a network that has healed sooner.
constexpr std::chrono::seconds connect_limit{2};
constexpr std::chrono::seconds handshake_limit{5};

}  // namespace

Dealer::Dealer(std::string endpoint, std::uint64_t max_frame_size, const Clock& clock, std::shared_ptr<const CurveClient> curve)
    : endpoint_{std::move(endpoint)},
      max_frame_size_{max_frame_size},
      clock_{clock},
      curve_{std::move(curve)},
      scratch_{std::make_unique_for_overwrite<char[]>(scratch_size)},
      back_off_{back_off_min},
      random_{std::random_device{}()} {
  if (auto form = check_endpoint(endpoint_); !form) throw std::runtime_error{form.error().message};
  begin();
}

// ---- connecting ----

void Dealer::begin() {
  auto socket = begin_connect(endpoint_);
  if (!socket) return fail(nullptr);
  auto curve = curve_ && endpoint_.starts_with("tcp://") ? std::make_unique<Curve>(curve_) : nullptr;
  stream_.emplace(*std::move(socket), Stream::Side::dealer, max_frame_size_, std::move(curve));
  state_ = State::connecting;
  retry_at_ = clock_.now() + connect_limit;
}

/// The connection is over, or never came to be: another one later.
void Dealer::fail(const Handlers* handlers) {
  const bool was_connected = state_ == State::connected;
  if (stream_ && !stream_->problem().empty() && !was_connected) {
    // Said once: it is tried again and again, and the reason stays what it is until somebody acts.
    const bool news = stream_->was_refused() && stream_->problem() != refusal_;
    log_event(news ? LogLevel::warning : LogLevel::debug, "no connection",
              {{"endpoint", endpoint_}, {"reason", stream_->problem()}});
    if (stream_->was_refused()) refusal_ = stream_->problem();
  }
  stream_.reset();
  broke_ = false;
  state_ = State::waiting;
  // Reconnecting clients must not come in step: each waits a little differently.
  const auto jitter = back_off_ / 2 * static_cast<int>(random_() % 1'000) / 1'000;
  retry_at_ = clock_.now() + back_off_ + jitter;
  back_off_ = std::min<Duration>(2 * back_off_, back_off_max);
  if (was_connected && handlers != nullptr) handlers->on_disconnected();
}

void Dealer::reconnect(const Handlers& handlers) {
  if (!stream_) return;
  // The kernel would go on sending what it has taken when the network is back, and the peer would answer nobody.
  const linger nothing_more{1, 0};
  static_cast<void>(setsockopt(stream_->fd(), SOL_SOCKET, SO_LINGER, &nothing_more, sizeof nothing_more));
  fail(&handlers);
}

void Dealer::process(const Handlers& handlers) {
  if (state_ == State::waiting && clock_.now() >= retry_at_) begin();
  if (state_ == State::connecting || state_ == State::greeting) {
    if (clock_.now() >= retry_at_) return fail(&handlers);
  }
  if (state_ == State::connecting) {
    // Nothing can be written before the kernel is done; what it says then is the outcome.
    zmq_pollitem_t item{nullptr, stream_->fd(), ZMQ_POLLOUT, 0};
    if (poll({&item, 1}, 0) == 0) return;
    if (!stream_->flush()) return fail(&handlers);
    state_ = State::greeting;
    retry_at_ = clock_.now() + handshake_limit;
  }
  if (state_ == State::waiting) return;
  if (stream_->unsent() > 0 && !stream_->flush()) broke_ = true;
  const bool breaks = broke_;
  read(handlers);  // what the peer still said counts
  if (breaks && stream_) fail(&handlers);
}

void Dealer::read(const Handlers& handlers) {
  const Stream::OnEvent on_event = [&](Decoder::Event event, std::string_view content) {
    if (event == Decoder::Event::opened) {
      state_ = State::connected;
      back_off_ = back_off_min;
      refusal_.clear();
      handlers.on_connected();
    } else if (event == Decoder::Event::frame) {
      handlers.on_frame(content);
    } else {
      log_warning("a frame of several parts is dropped", {{"endpoint", endpoint_}});
    }
  };
  int reads = 0;
  do {
    if (!stream_->read({scratch_.get(), scratch_size}, on_event)) return fail(&handlers);
  } while (stream_->received() > scratch_size / 2 && ++reads < reads_per_round);
  if (stream_->unsent() > 0 && !stream_->flush()) return fail(&handlers);
}

// ---- the owner's loop ----

void Dealer::send(std::string_view frame) {
  if (state_ != State::connected || broke_) return;
  const bool nothing_before = stream_->unsent() == 0;
  stream_->queue(frame);
  if (nothing_before && !stream_->flush()) broke_ = true;
}

void Dealer::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  if (!stream_ || broke_) return;
  const bool writes = state_ == State::connecting || stream_->unsent() > 0;
  items.push_back({nullptr, stream_->fd(), static_cast<short>(ZMQ_POLLIN | (writes ? ZMQ_POLLOUT : 0)), 0});
}

Instant Dealer::next_deadline() const {
  if (broke_) return clock_.now();
  return state_ == State::connected ? Instant::max() : retry_at_;
}

}  // namespace remuda::zmtp
