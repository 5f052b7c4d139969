#pragma once
// The proof of having received a message. Names the queue, the message and the delivery attempt, so that the handle of an
// earlier attempt is recognised and changes nothing (fencing).

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace remuda::broker {

using QueueId = std::uint32_t;   ///< given by the engine, from 1; never reused within one store
using Sequence = std::uint64_t;  ///< place of a message in its queue, from 1; strictly increasing, never reused

struct ReceiptHandle {
  QueueId queue = 0;
  std::uint32_t attempt = 0;  ///< grows by one with every receive of the message
  Sequence sequence = 0;
  friend auto operator<=>(const ReceiptHandle&, const ReceiptHandle&) = default;
  friend std::ostream& operator<<(std::ostream& out, const ReceiptHandle& handle) {
    return out << handle.queue << '/' << handle.sequence << '/' << handle.attempt;
  }
};

/// The opaque form in which clients keep a handle: 16 bytes, little endian: queue, attempt, sequence.
inline constexpr std::size_t receipt_handle_size_bytes = 16;
void append_receipt_handle(const ReceiptHandle& handle, std::string& out);
/// Nothing when `bytes` was never a handle (wrong size). A forged handle is no security hole: it names no more than its
/// forger could receive anyway, and the engine refuses whatever is not in flight under that attempt.
[[nodiscard]] std::optional<ReceiptHandle> parse_receipt_handle(std::string_view bytes);

}  // namespace remuda::broker
