#pragma once
// The receiving end of a pipe (PULL) or of a topic without a broker (SUB). At most once: nothing is acknowledged, gaps are counted.
// A subscription may have a filter; then only what its publisher has found to match travels.

#include <deque>
#include <string>
#include <vector>

#include "common/channel.hpp"
#include "common/channels/direct_wire.hpp"
#include "common/socket.hpp"

namespace remuda {

class DirectInput final : public InputChannel {
 public:
  /// More than this waiting unhandled: the socket is left alone, so that the sender feels it.
  static constexpr std::size_t waiting_max = 4'096;

  /// Listens on its own endpoints. Throws std::runtime_error when one cannot be bound.
  static std::unique_ptr<DirectInput> pipe(Context& context, const std::vector<std::string>& endpoints);
  /// Connects to every publisher, now or when it comes. Each evaluates the filter.
  static std::unique_ptr<DirectInput> subscription(Context& context, const std::vector<std::string>& endpoints,
                                                   const LiveFilter& filter = {});

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override;
  void turn(Instant now) override;
  bool take(Incoming& incoming) override;
  /// Of a subscription: to other publishers.
  void rewire(std::span<const std::string> endpoints, std::size_t subscribers) override;
  /// Later messages stay where they are; those that arrived are still given out.
  void drain() override { draining_ = true; }
  [[nodiscard]] std::uint64_t missed() const override { return gaps_.missed(); }
  /// Of a message inside a frame it is known when its turn comes.
  [[nodiscard]] std::uint64_t malformed() const override { return malformed_; }
  [[nodiscard]] std::uint64_t missing_of(const SentUpTo& sent) const override;
  [[nodiscard]] std::uint64_t arrived() const override { return arrived_; }
  [[nodiscard]] std::size_t waiting() const override { return waiting_; }

 private:
  DirectInput(Socket socket, std::vector<std::string> endpoints, std::string prefix = {})
      : prefix_{std::move(prefix)}, endpoints_{std::move(endpoints)}, socket_{std::move(socket)} {}
  void read(Frame frame);

  /// A frame of which not everything is taken yet: messages are read out of it one by one, where they are needed.
  struct Arrived {
    Frame frame;
    direct::Messages content;  ///< points into it
    std::size_t next = 0;
  };

  std::string prefix_;  ///< what stands before every frame: the filter that it has passed; constant

  std::vector<std::string> endpoints_;
  Socket socket_;
  Frame frame_;
  std::deque<Arrived> frames_;
  std::size_t waiting_ = 0;  ///< messages in them
  direct::GapCounter gaps_;
  bool draining_ = false;
  std::uint64_t malformed_ = 0;
  std::uint64_t arrived_ = 0;
};

}  // namespace remuda
