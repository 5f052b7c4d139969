#pragma once
// The sending end of a request channel where a port sends and expects no answer: a message counts as sent once whoever takes it has
// handled it. So the sender waits for the receiver and fails with it, which is what tells this kind from all others. At most once;
// trying again is the business of what the message came from.

#include <string>
#include <vector>

#include "common/channels/request.hpp"

namespace remuda {

class RequestDelivery final : public OutputChannel {
 public:
  /// `deadline`: how long the receiver may take. `clock` must outlive the channel. Throws as RequestOutput does.
  RequestDelivery(Context& context, const std::vector<std::string>& endpoints, std::chrono::milliseconds deadline,
                  const Clock& clock)
      : asker_{context, endpoints, clock}, deadline_{deadline} {}

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override { asker_.append_poll_items(items); }
  void turn(Instant now) override { asker_.turn(now); }
  [[nodiscard]] Instant next_deadline() const override { return asker_.next_deadline(); }
  /// Errors: as RequestChannel::ask has them, of the first message that failed.
  void send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) override;
  [[nodiscard]] bool waits_for_handling() const override { return true; }
  void hold(std::span<const std::string> endpoints) override { asker_.hold(endpoints); }
  void resume(std::span<const std::string> endpoints, bool replaced) override { asker_.resume(endpoints, replaced); }
  void rewire(std::span<const std::string> endpoints, std::size_t subscribers) override { asker_.rewire(endpoints, subscribers); }
  [[nodiscard]] std::size_t unanswered_while_held() const override { return asker_.unanswered_while_held(); }

 private:
  RequestOutput asker_;
  std::chrono::milliseconds deadline_;
};

}  // namespace remuda
