#pragma once
// A route of the gateway that accepts: the request becomes a message on a channel, and the client gets 202 with a task to ask for
// once the channel has it. No node stands between, so the client is served also while those who will do the work are away. Pure.
//
//   "POST /submit-prebooking" = { send = "submissions", task = "/prebookings/{id}", eta = "5s", type = "prebooking.submit",
//   required = ["customer"] }

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"
#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda {

struct AcceptRoute {
  std::string port;  ///< `send`
  std::string task;  ///< where the task is asked for; holds `{id}`
  std::chrono::milliseconds eta{5'000};
  std::string type;                   ///< of the message; empty: none
  std::vector<std::string> required;  ///< fields that the body must have, and not empty: all that can be told without a node

  /// Reads the table above. Errors: `invalid_parameter` (definite), a sentence part that follows the route's name.
  static Result<AcceptRoute> from_json(const nlohmann::json& table);

  /// The message for the channel: id = the task's, body as it came. Or why the request is refused: no JSON object, fields missing.
  [[nodiscard]] Result<Message, http::Problem> accept(const Message& request, std::string_view source) const;
  /// 202 with Location.
  [[nodiscard]] http::Response answer(std::string_view id) const;
};

}  // namespace remuda
