#include "common/channels/request_delivery.hpp"

#include <utility>

namespace remuda {

void RequestDelivery::send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) {
  struct Join {
    std::size_t left;
    ConfirmHandler confirmed;
    Result<void> answer;
  };
  const auto join = std::make_shared<Join>(Join{packed_messages.size(), std::move(confirmed), {}});
  for (const auto packed : packed_messages) {
    asker_.ask_packed(std::string{packed}, deadline_, [join](const Result<Message>& answer) {
      if (!answer && join->answer) join->answer = Failure<Error>{answer.error()};
      if (--join->left == 0) join->confirmed(std::move(join->answer));
    });
  }
}

}  // namespace remuda
