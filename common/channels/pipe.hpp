#pragma once
// The sending end of a pipe: PUSH to every consumer in turn, direct, at most once. What was handed to the transport counts as
// confirmed and is lost when that consumer goes; what nobody can take yet waits here.

#include <string>
#include <vector>

#include "common/channel.hpp"
#include "common/channels/gathered.hpp"
#include "common/socket.hpp"

namespace remuda {

class PipeOutput final : public OutputChannel {
 public:
  /// Connects to the consumers, now or when they come. `context` must outlive it. Throws std::runtime_error when an endpoint has a wrong
  /// form.
  PipeOutput(Context& context, const std::vector<std::string>& endpoints);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override;
  void turn(Instant now) override;
  void flush() override;
  void send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) override;
  /// The other consumers get what a held one would have got; without any it waits.
  void hold(std::span<const std::string> endpoints) override;
  void resume(std::span<const std::string> endpoints, bool replaced) override;
  void rewire(std::span<const std::string> endpoints, std::size_t subscribers) override;
  void append_sent(std::vector<SentUpTo>& sent) const override;

 private:
  /// One socket per consumer: the numbering is per connection, so that a consumer sees what is missing.
  struct Consumer {
    Socket socket;
    std::string endpoint;
    std::uint64_t next_sequence = 1;
    std::uint64_t first_of_receiver = 1;  ///< what went before it went to a process that was replaced
    bool held = false;
  };
  [[nodiscard]] Socket connected_to(const std::string& endpoint);
  /// Hands one frame of at most `most` sends to the next consumer that can take it; returns how many sends, 0 when nobody can.
  std::size_t hand_over(std::size_t most);

  // Constant after construction.
  Context& context_;
  std::string sender_;

  std::vector<Consumer> consumers_;
  std::size_t turn_of_ = 0;
  direct::Gathered waiting_;
  std::string frame_;
};

}  // namespace remuda
