#pragma once
// One connection: a socket, what has arrived of the next frame, and what the socket did not take yet. Never blocks, never waits;
// whoever owns it polls.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/descriptor.hpp"
#include "common/zmtp/curve.hpp"
#include "common/zmtp/protocol.hpp"

namespace remuda::zmtp {

class Stream {
 public:
  enum class Side { router, dealer };
  /// Told what arrives, in order; the content is valid during the call. Never `incomplete`, `ping` or `refused`.
  using OnEvent = std::function<void(Decoder::Event, std::string_view content)>;

  /// `socket` is connected, or about to be: the opening leaves with the first flush().
  /// `curve`: null for NULL.
  Stream(Descriptor socket, Side side, std::uint64_t max_frame_size, std::unique_ptr<Curve> curve = nullptr);

  /// Reads once, up to the size of `scratch` (which every stream of a thread may share), and tells what is whole.
  /// False: the connection is over, problem() says why.
  bool read(std::span<char> scratch, const OnEvent& on_event);
  /// Puts a frame behind what has not left yet.
  void queue(std::string_view frame);
  /// Gives the socket what it takes. False: the connection is over.
  bool flush();

  /// Gives back memory that nothing is in.
  void trim();

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool is_open() const { return decoder_.is_open(); }
  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }
  /// How much the last read() found.
  [[nodiscard]] std::size_t received() const { return received_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// The connection ended because one end did not accept the other, not because it broke.
  [[nodiscard]] bool was_refused() const { return !decoder_.problem().empty(); }
  [[nodiscard]] bool is_sealed() const { return curve_ != nullptr; }
  /// The name that the peer's key was admitted under; empty without keys.
  [[nodiscard]] const std::string& peer_name() const;

 private:
  bool receive(char* into, std::size_t size);
  bool tell(std::string_view& bytes, const OnEvent& on_event);

  Descriptor socket_;
  std::unique_ptr<Curve> curve_;
  Decoder decoder_;
  std::size_t received_ = 0;
  // The beginning of a frame whose rest has yet to come. It grows with what arrives, not with what a peer announces.
  std::unique_ptr<char[]> rest_;
  std::size_t rest_size_ = 0;
  std::size_t rest_capacity_ = 0;
  std::string out_;
  std::size_t sent_ = 0;
  std::string problem_;

  void keep_rest(std::string_view bytes);
  void grow_rest(std::size_t capacity);
};

}  // namespace remuda::zmtp
