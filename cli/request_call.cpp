#include "cli/request_call.hpp"

#include <fmt/format.h>

#include <array>

#include "common/channels/direct_wire.hpp"
#include "common/clock.hpp"
#include "common/socket.hpp"

namespace remuda::cli {

Result<Message> call_request(const std::vector<std::string>& endpoints, const Message& question,
                             std::chrono::milliseconds deadline) {
  Context context;
  Socket socket{context, SocketKind::dealer};
  for (const std::string& endpoint : endpoints) {
    if (const Result<void> connected = socket.connect(endpoint); !connected) return Failure<Error>{connected.error()};
  }
  const std::string correlation = direct::new_sender();
  std::string frame;
  direct::encode_request(correlation, static_cast<std::uint64_t>(deadline.count()), pack(question), frame);

  const SystemClock clock;
  const Instant end = clock.now() + deadline;
  bool asked = false;
  Frame reply;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock.now()).count();
    if (left <= 0) break;
    if (!asked) asked = socket.send(frame) == SendStatus::sent;
    // The socket has nobody to send to until one of the nodes has accepted the connection: POLLOUT tells.
    std::array<zmq_pollitem_t, 1> items{socket.poll_item(static_cast<short>(asked ? ZMQ_POLLIN : ZMQ_POLLOUT))};
    poll(items, static_cast<long>(left));
    if (!asked || !socket.receive(reply)) continue;
    const Result<direct::Reply> decoded = direct::decode_reply(reply.bytes());
    if (!decoded) return Failure<Error>{decoded.error()};
    if (decoded->correlation != correlation) continue;
    if (!decoded->code.empty())
      return fail(std::string{decoded->code}, fmt::format("refused: {} ({})", decoded->text, decoded->code));
    return unpack_message(decoded->message);
  }
  if (!asked) return fail("unreachable", "nobody answers on this request channel");
  return fail_unknown("timed_out", fmt::format("no answer within {} ms", deadline.count()));
}

}  // namespace remuda::cli
