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

void pack_binary(Packer& packer, const std::string& bytes) {
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

void pack_sent(Packer& packer, const std::vector<SentUpTo>& sent) {
  packer.pack_array(static_cast<std::uint32_t>(sent.size()));
  for (const auto& one : sent) {
    packer.pack_array(4);
    packer.pack(one.endpoint);
    pack_binary(packer, one.subscription);
    pack_binary(packer, one.sender);
    packer.pack(one.sequence);
  }
}

std::vector<SentUpTo> read_sent(MsgpackReader& in) {
  std::vector<SentUpTo> sent;
  const auto count = in.array();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (in.array() != 4) in.reject();
    SentUpTo one;
    one.endpoint = in.string();
    one.subscription = in.binary();
    one.sender = in.binary();
    one.sequence = in.unsigned_integer();
    sent.push_back(std::move(one));
  }
  return sent;
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
                 [&](const ControlHeld& held) {
                   packer.pack_array(3);
                   packer.pack("held");
                   packer.pack(held.number);
                   pack_sent(packer, held.sent);
                 },
                 [&](const ControlArrived& arrived) {
                   packer.pack_array(3);
                   packer.pack("arrived");
                   packer.pack(arrived.number);
                   packer.pack(arrived.missing);
                 },
                 [&](const ControlRewired& rewired) {
                   packer.pack_array(2);
                   packer.pack("rewired");
                   packer.pack(rewired.number);
                 },
             },
             message);
  return text(buffer);
}

std::string encode(const ControlRequest& request) {
  msgpack::sbuffer buffer;
  Packer packer{buffer};
  std::visit(overloaded{
                 [&](const ControlDrain&) {
                   packer.pack_array(1);
                   packer.pack("drain");
                 },
                 [&](const ControlPing&) {
                   packer.pack_array(1);
                   packer.pack("ping");
                 },
                 [&](const ControlHold& hold) {
                   packer.pack_array(3);
                   packer.pack("hold");
                   packer.pack(hold.number);
                   packer.pack(hold.endpoints);
                 },
                 [&](const ControlResume& resume) {
                   packer.pack_array(3);
                   packer.pack("resume");
                   packer.pack(resume.number);
                   packer.pack(resume.replaced);
                 },
                 [&](const ControlAwait& await) {
                   packer.pack_array(4);
                   packer.pack("await");
                   packer.pack(await.number);
                   packer.pack(await.handled);
                   pack_sent(packer, await.sent);
                 },
                 [&](const ControlFinish& finish) {
                   packer.pack_array(2);
                   packer.pack("finish");
                   packer.pack(finish.number);
                 },
                 [&](const ControlRewire& rewire) {
                   packer.pack_array(3);
                   packer.pack("rewire");
                   packer.pack(rewire.number);
                   packer.pack(rewire.ports);
                 },
             },
             request);
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
  } else if (head.name == "held") {
    ControlHeld held;
    taken = 2;
    held.number = in.unsigned_integer();
    held.sent = read_sent(in);
    message = std::move(held);
  } else if (head.name == "arrived") {
    ControlArrived arrived;
    taken = 2;
    arrived.number = in.unsigned_integer();
    arrived.missing = in.unsigned_integer();
    message = arrived;
  } else if (head.name == "rewired") {
    taken = 1;
    message = ControlRewired{in.unsigned_integer()};
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
  if (!in.ok()) return malformed("an array that starts with a name is expected");
  ControlRequest request;
  std::uint32_t taken = 0;
  if (head.name == "drain") {
    request = ControlDrain{};
  } else if (head.name == "ping") {
    request = ControlPing{};
  } else if (head.name == "hold") {
    ControlHold hold;
    taken = 2;
    hold.number = in.unsigned_integer();
    const auto count = in.array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) hold.endpoints.emplace_back(in.string());
    request = std::move(hold);
  } else if (head.name == "resume") {
    ControlResume resume;
    taken = 2;
    resume.number = in.unsigned_integer();
    resume.replaced = in.boolean();
    request = resume;
  } else if (head.name == "await") {
    ControlAwait await;
    taken = 3;
    await.number = in.unsigned_integer();
    await.handled = in.boolean();
    await.sent = read_sent(in);
    request = std::move(await);
  } else if (head.name == "finish") {
    taken = 1;
    request = ControlFinish{in.unsigned_integer()};
  } else if (head.name == "rewire") {
    ControlRewire rewire;
    taken = 2;
    rewire.number = in.unsigned_integer();
    const auto count = in.array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) rewire.ports.emplace_back(in.string());
    request = std::move(rewire);
  } else {
    return malformed("unknown request `" + std::string{head.name.substr(0, 32)} + "`");
  }
  if (head.fields < taken || !take_rest(in, head.fields - taken))
    return malformed("wrong fields in `" + std::string{head.name} + "`");
  return request;
}

}  // namespace remuda
