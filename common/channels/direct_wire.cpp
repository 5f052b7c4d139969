#include "common/channels/direct_wire.hpp"

#include <sys/random.h>

#include "common/msgpack_reader.hpp"
#include "common/msgpack_writer.hpp"

namespace remuda::direct {
namespace {

Failure<Error> malformed(std::string_view what) {
  return fail("malformed_frame", "A frame of a direct channel is malformed: " + std::string{what} + ".");
}

/// True when the frame is an array of `count` that starts with `name`; the reader then stands behind the name.
bool starts(MsgpackReader& in, std::uint32_t count, std::string_view name) {
  return in.array() == count && in.string() == name && in.ok();
}

bool is_correlation(std::string_view bytes) {
  return !bytes.empty() && bytes.size() <= correlation_size_max;
}

}  // namespace

void encode_messages(std::string_view sender, std::uint64_t first_sequence, std::span<const std::string_view> messages,
                     std::string& out) {
  begin_messages(sender, first_sequence, messages.size(), out);
  for (const auto message : messages) append_message(message, out);
}

void begin_messages(std::string_view sender, std::uint64_t first_sequence, std::size_t count, std::string& out) {
  MsgpackWriter{out}.array(4).text("messages").binary(sender).number(first_sequence).array(count);
}

void append_message(std::string_view message, std::string& out) {
  MsgpackWriter{out}.binary(message);
}

Result<Messages> decode_messages(std::string_view frame) {
  MsgpackReader in{frame};
  Messages decoded;
  if (!starts(in, 4, "messages")) return malformed("`messages` is expected");
  decoded.sender = in.binary();
  decoded.first_sequence = in.unsigned_integer();
  const auto count = in.array();
  if (!in.ok() || decoded.sender.size() != sender_size) return malformed("sender and number are expected");
  decoded.messages.reserve(count);  // the reader bounds the count by the bytes that are left
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) decoded.messages.push_back(in.binary());
  if (!in.ok() || !in.at_end()) return malformed("a list of messages is expected");
  return decoded;
}

std::string subscription_to(const LiveFilter& filter) {
  if (filter.policy.empty()) return "\x94";
  return (filter.on_attributes ? "attributes " : "body ") + filter.policy + '\0';
}

std::optional<LiveFilter> filter_of(std::string_view subscription) {
  const bool on_attributes = subscription.starts_with("attributes ");
  if ((!on_attributes && !subscription.starts_with("body ")) || !subscription.ends_with('\0')) return std::nullopt;
  subscription.remove_suffix(1);
  return LiveFilter{std::string{subscription.substr(subscription.find(' ') + 1)}, on_attributes};
}

void encode_request(std::string_view correlation, std::uint64_t deadline_ms, std::string_view message, std::string& out) {
  MsgpackWriter{out}.array(4).text("request").binary(correlation).number(deadline_ms).binary(message);
}

Result<void> decode_request(std::string_view frame, Request& out) {
  out = {};
  MsgpackReader in{frame};
  if (!starts(in, 4, "request")) return malformed("`request` is expected");
  const auto correlation = in.binary();
  if (!in.ok() || !is_correlation(correlation)) return malformed("a correlation of 1 to 64 bytes is expected");
  out.correlation = correlation;
  out.deadline_ms = in.unsigned_integer();
  out.message = in.binary();
  if (!in.ok() || !in.at_end()) return malformed("a deadline and a message are expected");
  return {};
}

void encode_reply(std::string_view correlation, std::string_view message, std::string& out) {
  MsgpackWriter{out}.array(3).text("reply").binary(correlation).binary(message);
}

void encode_refusal(std::string_view correlation, std::string_view code, std::string_view text, std::string& out) {
  MsgpackWriter{out}.array(4).text("refused").binary(correlation).text(code).text(text);
}

Result<Reply> decode_reply(std::string_view frame) {
  MsgpackReader in{frame};
  Reply reply;
  const auto count = in.array();
  const auto name = in.string();
  reply.correlation = in.binary();
  if (name == "reply" && count == 3) {
    reply.message = in.binary();
  } else if (name == "refused" && count == 4) {
    reply.code = in.string();
    reply.text = in.string();
    if (reply.code.empty()) in.reject();
  } else {
    in.reject();
  }
  if (!in.ok() || !in.at_end() || !is_correlation(reply.correlation)) return malformed("`reply` or `refused` is expected");
  return reply;
}

std::string new_sender() {
  std::string bytes(sender_size, '\0');
  static_cast<void>(!getrandom(bytes.data(), bytes.size(), 0));  // so few bytes are always there at once
  return bytes;
}

void GapCounter::observe(std::string_view sender, std::uint64_t first_sequence, std::size_t count) {
  const auto known = next_.find(sender);
  if (known == next_.end()) {
    if (next_.size() >= senders_max) next_.clear();
    next_.emplace(sender, first_sequence + count);
    return;
  }
  if (first_sequence > known->second) missed_ += first_sequence - known->second;
  known->second = first_sequence + count;
}

std::uint64_t GapCounter::missing_of(std::string_view sender, std::uint64_t sequence) const {
  const auto known = next_.find(sender);
  const std::uint64_t next = known == next_.end() ? 1 : known->second;
  return sequence < next ? 0 : sequence + 1 - next;
}

}  // namespace remuda::direct
