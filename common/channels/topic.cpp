#include "common/channels/topic.hpp"

#include <utility>

#include "common/log.hpp"

namespace remuda {

TopicInput::TopicInput(BrokerConnection& connection, const std::string& topic, const LiveFilter& filter) {
  connection.subscribe(
      topic, filter, [this](std::string_view packed_message, std::uint64_t missed) { on_event(packed_message, missed); },
      [this, topic](const Result<Unit>& answer) {
        subscribed_ = answer.ok();
        if (!answer)
          log_error("cannot subscribe", {{"topic", topic}, {"error", answer.error().code}, {"text", answer.error().message}});
      });
}

void TopicInput::on_event(std::string_view packed_message, std::uint64_t missed) {
  missed_ += missed;
  if (draining_) return;
  auto message = unpack_message(packed_message);
  if (!message) {
    ++malformed_;
    return;
  }
  waiting_.push_back(std::move(message).value());
  if (waiting_.size() > waiting_max) {
    waiting_.pop_front();
    ++missed_;
  }
}

bool TopicInput::take(Incoming& incoming) {
  if (waiting_.empty()) return false;
  incoming = {std::move(waiting_.front()), {}, {}};
  waiting_.pop_front();
  return true;
}

}  // namespace remuda
