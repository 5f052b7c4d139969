#include <limits>
#include <msgpack.hpp>

#include "common/control.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda {
namespace {

template <class... Cases>
struct overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

using Packer = msgpack::packer<msgpack::sbuffer>;

void pack_report(Packer& packer, const ControlReport& report) {
  packer.pack_map(8);
  packer.pack("state");
  packer.pack(report.state);
  packer.pack("in_flight");
  packer.pack(report.in_flight);
  packer.pack("processed");
  packer.pack(report.processed);
  packer.pack("failed");
  packer.pack(report.failed);
  packer.pack("redelivered");
  packer.pack(report.redelivered);
  packer.pack("loop_age_ms");
  packer.pack(static_cast<std::int64_t>(report.loop_age.count()));
  packer.pack("held_back");
  packer.pack(report.held_back);
  packer.pack("counts");
  packer.pack_map(static_cast<std::uint32_t>(report.counts.size()));
  for (const auto& [name, value] : report.counts) {
    packer.pack(name);
    packer.pack(value);
  }
}

ControlReport read_report(MsgpackReader& in) {
  ControlReport report;
  const auto fields = in.map();
  for (std::uint32_t field = 0; field < fields && in.ok(); ++field) {
    const auto name = in.string();
    if (name == "state") {
      report.state = in.string();
    } else if (name == "in_flight") {
      report.in_flight = in.unsigned_integer();
    } else if (name == "processed") {
      report.processed = in.unsigned_integer();
    } else if (name == "failed") {
      report.failed = in.unsigned_integer();
    } else if (name == "redelivered") {
      report.redelivered = in.unsigned_integer();
    } else if (name == "loop_age_ms") {
      report.loop_age = std::chrono::milliseconds{in.signed_integer()};
    } else if (name == "held_back") {
      report.held_back = in.string();
    } else if (name == "counts") {
      const auto count = in.map();
      for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const auto key = in.string();
        report.counts[std::string{key}] = in.signed_integer();
      }
    } else {
      in.skip();
    }
  }
  return report;
}

int read_int(MsgpackReader& in) {
  const auto value = in.signed_integer();
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) in.reject();
  return static_cast<int>(value);
}

std::string text(const msgpack::sbuffer& buffer) {
  return {buffer.data(), buffer.size()};
}

Failure<Error> malformed(std::string_view what) {
  return fail("malformed_control_message", "A control message is malformed: " + std::string{what} + ".");
}

/// The name of the message and a reader that stands at its first field.
struct Head {
  std::string_view name;
  std::uint32_t fields = 0;
};

Head read_head(MsgpackReader& in) {
  Head head;
  head.fields = in.array();
  if (head.fields == 0) {
    in.reject();
    return head;
  }
  head.name = in.string();
  --head.fields;
  return head;
}

/// Takes what a newer version may have appended; false unless the frame ends right there.
bool take_rest(MsgpackReader& in, std::uint32_t fields) {
  for (; fields > 0 && in.ok(); --fields) in.skip();
  return in.ok() && in.at_end();
}

}  // namespace

std::string encode(const ControlMessage& message) {
  msgpack::sbuffer buffer;
  Packer packer{buffer};
  std::visit(overloaded{
                 [&](const ControlHello& hello) {
                   packer.pack_array(5);
                   packer.pack("hello");
                   packer.pack(hello.name);
                   packer.pack(hello.replica);
                   packer.pack(hello.pid);
                   packer.pack(hello.version);
                 },
                 [&](const ControlReady&) {
                   packer.pack_array(1);
                   packer.pack("ready");
                 },
                 [&](const ControlHeartbeat& heartbeat) {
                   packer.pack_array(2);
                   packer.pack("heartbeat");
                   pack_report(packer, heartbeat.report);
                 },
                 [&](const ControlBye& bye) {
                   packer.pack_array(4);
                   packer.pack("bye");
                   packer.pack(bye.exit_code);
                   packer.pack(bye.reason);
                   pack_report(packer, bye.report);
                 },
             },
             message);
  return text(buffer);
}

std::string encode(const ControlRequest& request) {
  msgpack::sbuffer buffer;
  Packer packer{buffer};
  packer.pack_array(1);
  packer.pack(std::holds_alternative<ControlDrain>(request) ? "drain" : "ping");
  return text(buffer);
}

Result<ControlMessage> decode_control_message(std::string_view frame) {
  MsgpackReader in{frame};
  auto head = read_head(in);
  if (!in.ok()) return malformed("an array that starts with a name is expected");
  ControlMessage message;
  std::uint32_t taken = 0;
  if (head.name == "hello") {
    ControlHello hello;
    taken = 4;
    hello.name = in.string();
    hello.replica = read_int(in);
    hello.pid = in.signed_integer();
    hello.version = in.string();
    message = std::move(hello);
  } else if (head.name == "ready") {
    message = ControlReady{};
  } else if (head.name == "heartbeat") {
    taken = 1;
    message = ControlHeartbeat{read_report(in)};
  } else if (head.name == "bye") {
    ControlBye bye;
    taken = 3;
    bye.exit_code = read_int(in);
    bye.reason = in.string();
    bye.report = read_report(in);
    message = std::move(bye);
  } else {
    return malformed("unknown message `" + std::string{head.name.substr(0, 32)} + "`");
  }
  if (head.fields < taken || !take_rest(in, head.fields - taken))
    return malformed("wrong fields in `" + std::string{head.name} + "`");
  return message;
}

Result<ControlRequest> decode_control_request(std::string_view frame) {
  MsgpackReader in{frame};
  const auto head = read_head(in);
  if (!in.ok() || !take_rest(in, head.fields)) return malformed("an array that starts with a name is expected");
  if (head.name == "drain") return ControlRequest{ControlDrain{}};
  if (head.name == "ping") return ControlRequest{ControlPing{}};
  return malformed("unknown request `" + std::string{head.name.substr(0, 32)} + "`");
}

}  // namespace remuda
