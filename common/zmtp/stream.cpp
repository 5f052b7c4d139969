#include "common/zmtp/stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace remuda::zmtp {

namespace {

/// Buffers that once grew beyond this are given back when they are empty.
constexpr std::size_t worth_keeping = 256 * 1024;
/// Who asks for answers and leaves so many bytes of them unread asks in order to fill our memory.
constexpr std::size_t unread_when_asking_max = 1024 * 1024;

std::string_view name_of(Stream::Side side) {
  return side == Stream::Side::router ? "ROUTER" : "DEALER";
}

}  // namespace

Stream::Stream(Descriptor socket, Side side, std::uint64_t max_frame_size, std::unique_ptr<Curve> curve)
    : socket_{std::move(socket)},
      curve_{std::move(curve)},
      decoder_{name_of(side == Side::router ? Side::dealer : Side::router), max_frame_size, curve_.get()} {
  if (curve_) {
    append_opening(name_of(side), *curve_, out_);
  } else {
    append_opening(name_of(side), out_);
  }
}

const std::string& Stream::peer_name() const {
  static const std::string nobody;
  return curve_ ? curve_->peer_name() : nobody;
}

// ---- reading ----

bool Stream::read(std::span<char> scratch, const OnEvent& on_event) {
  if (rest_size_ > 0 && decoder_.wanted() > scratch.size()) {
    // A frame too large for the shared buffer is put together in memory of its own, exactly up to its end.
    if (rest_size_ == rest_capacity_) grow_rest(std::min<std::size_t>(decoder_.wanted(), 2 * rest_capacity_ + scratch.size()));
    if (!receive(rest_.get() + rest_size_, rest_capacity_ - rest_size_)) return false;
    rest_size_ += received_;
    if (rest_size_ < decoder_.wanted()) return true;
    std::string_view bytes{rest_.get(), rest_size_};
    const auto frame = std::move(rest_);  // stays while its content is told
    rest_size_ = rest_capacity_ = 0;
    if (!tell(bytes, on_event)) return false;
    keep_rest(bytes);
    return true;
  }
  if (rest_size_ > 0) std::memcpy(scratch.data(), rest_.get(), rest_size_);
  const std::size_t before = std::exchange(rest_size_, 0);
  if (!receive(scratch.data() + before, scratch.size() - before)) return false;
  std::string_view bytes{scratch.data(), before + received_};
  if (!tell(bytes, on_event)) return false;
  keep_rest(bytes);
  return true;
}

bool Stream::receive(char* into, std::size_t size) {
  received_ = 0;
  ssize_t count = 0;
  do {
    count = ::recv(socket_.get(), into, size, 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    received_ = static_cast<std::size_t>(count);
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
  problem_ = count == 0 ? "the peer closed the connection" : std::strerror(errno);
  return false;
}

bool Stream::tell(std::string_view& bytes, const OnEvent& on_event) {
  while (true) {
    std::string_view content;
    const Decoder::Event event = decoder_.next(bytes, content);
    if (curve_ && !decoder_.is_open()) out_ += decoder_.take_answer();
    switch (event) {
      case Decoder::Event::incomplete:
        return true;
      case Decoder::Event::refused:
        if (curve_) static_cast<void>(flush());  // why, if it can be told without waiting
        problem_ = decoder_.problem();
        return false;
      case Decoder::Event::ping:
        if (unsent() > unread_when_asking_max) {
          problem_ = "the peer sends PINGs and does not read";
          return false;
        }
        if (curve_) {
          curve_->seal(pong_body(content), sealed_command, out_);
        } else {
          append_pong(content, out_);
        }
        break;
      default:
        if (event == Decoder::Event::opened) out_ += decoder_.take_answer();
        on_event(event, content);
    }
  }
}

void Stream::keep_rest(std::string_view bytes) {
  rest_size_ = bytes.size();
  if (bytes.empty()) {
    if (rest_capacity_ > worth_keeping) grow_rest(0);
    return;
  }
  if (rest_capacity_ < bytes.size()) {
    rest_ = std::make_unique_for_overwrite<char[]>(bytes.size());
    rest_capacity_ = bytes.size();
  }
  std::memcpy(rest_.get(), bytes.data(), bytes.size());
}

void Stream::grow_rest(std::size_t capacity) {
  auto grown = capacity == 0 ? nullptr : std::make_unique_for_overwrite<char[]>(capacity);
  if (rest_size_ > 0) std::memcpy(grown.get(), rest_.get(), rest_size_);
  rest_ = std::move(grown);
  rest_capacity_ = capacity;
}

void Stream::trim() {
  if (rest_size_ == 0 && rest_capacity_ > 0) grow_rest(0);
  if (unsent() == 0) {
    out_.clear();
    out_.shrink_to_fit();
    sent_ = 0;
  }
}

// ---- writing ----

void Stream::queue(std::string_view frame) {
  if (curve_) return curve_->seal(frame, 0, out_);
  append_frame_header(frame.size(), out_);
  out_ += frame;
}

bool Stream::flush() {
  while (sent_ < out_.size()) {
    const ssize_t count = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN) {
      // What has left is dropped from the front only when it is the larger part: a slow reader costs no quadratic copying.
      if (sent_ > out_.size() / 2) {
        out_.erase(0, sent_);
        sent_ = 0;
      }
      return true;
    } else if (errno != EINTR) {
      problem_ = std::strerror(errno);
      return false;
    }
  }
  sent_ = 0;
  out_.clear();
  if (out_.capacity() > worth_keeping) out_.shrink_to_fit();
  return true;
}

}  // namespace remuda::zmtp
