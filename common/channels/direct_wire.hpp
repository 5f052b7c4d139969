#pragma once
// Frames of the direct channels, where no broker stands between two nodes. Pure: bytes in, values out. The grammar is in
// PROTOCOL.md, "Direct channels". Malformed input is refused and never crashes. What is decoded points into the frame.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/channels/live_filter.hpp"
#include "common/result.hpp"

namespace remuda::direct {

inline constexpr std::size_t sender_size = 8;  ///< random bytes that name one sending end for as long as it lives
inline constexpr std::size_t correlation_size_max = 64;
/// Frames that a pipe holds for a consumer at each end, beside the kernel's buffers: one that stands still is not fed much, and others
/// get the rest.
inline constexpr int pipe_high_water_mark = 16;
/// What was confirmed because it was handed to the transport may take so long to leave when its node ends.
inline constexpr std::chrono::milliseconds farewell_time{1'000};

/// Messages on a pipe or a direct topic. The numbers count what this sender sent on this connection, from 1.
struct Messages {
  std::string_view sender;
  std::uint64_t first_sequence = 0;
  std::vector<std::string_view> messages;  ///< packed
};
void encode_messages(std::string_view sender, std::uint64_t first_sequence, std::span<const std::string_view> messages,
                     std::string& out);
/// The same in parts: the beginning, then each message.
void begin_messages(std::string_view sender, std::uint64_t first_sequence, std::size_t count, std::string& out);
void append_message(std::string_view message, std::string& out);
/// Errors: `malformed_frame`.
Result<Messages> decode_messages(std::string_view frame);

/// What a subscriber of a direct topic subscribes to, and what the frames begin with that it gets. Without a filter: the first byte
/// of every frame above. With one: the filter itself, so that the publisher learns it, evaluates it, and puts it before the frame.
[[nodiscard]] std::string subscription_to(const LiveFilter& filter);
/// The filter of a subscription; nothing for one without, or of another form.
[[nodiscard]] std::optional<LiveFilter> filter_of(std::string_view subscription);

/// A question. `correlation` is the asker's and comes back unchanged.
struct Request {
  std::string_view correlation;
  std::uint64_t deadline_ms = 0;  ///< how long the asker waits, from now
  std::string_view message;
};
void encode_request(std::string_view correlation, std::uint64_t deadline_ms, std::string_view message, std::string& out);
/// On failure `out.correlation` holds it if that much could be read, so that the refusal finds its
/// asker. Errors: `malformed_frame`.
Result<void> decode_request(std::string_view frame, Request& out);

/// An answer, or why there is none (`code` not empty).
struct Reply {
  std::string_view correlation;
  std::string_view message;
  std::string_view code;
  std::string_view text;
};
void encode_reply(std::string_view correlation, std::string_view message, std::string& out);
void encode_refusal(std::string_view correlation, std::string_view code, std::string_view text, std::string& out);
/// Errors: `malformed_frame`.
Result<Reply> decode_reply(std::string_view frame);

/// Eight random bytes for `Messages::sender` and correlations.
[[nodiscard]] std::string new_sender();

/// Counts what is missing in the numbering of each sender.
class GapCounter {
 public:
  /// A sender seen for the first time may begin anywhere: what it sent before was for others.
  void observe(std::string_view sender, std::uint64_t first_sequence, std::size_t count);
  [[nodiscard]] std::uint64_t missed() const { return missed_; }
  /// How many messages up to `sequence` are still to come; of a sender that was never seen: all of them.
  [[nodiscard]] std::uint64_t missing_of(std::string_view sender, std::uint64_t sequence) const;

 private:
  static constexpr std::size_t senders_max = 1'024;  ///< a sender that restarts is a new one: old ones are forgotten
  std::map<std::string, std::uint64_t, std::less<>> next_;
  std::uint64_t missed_ = 0;
};

}  // namespace remuda::direct
