#include "broker/engine/receipt_handle.hpp"

#include "broker/engine/bytes.hpp"

namespace remuda::broker {

void append_receipt_handle(const ReceiptHandle& handle, std::string& out) {
  put_u32(out, handle.queue);
  put_u32(out, handle.attempt);
  put_u32(out, static_cast<std::uint32_t>(handle.sequence & UINT32_MAX));
  put_u32(out, static_cast<std::uint32_t>(handle.sequence >> 32U));
}

std::optional<ReceiptHandle> parse_receipt_handle(std::string_view bytes) {
  if (bytes.size() != receipt_handle_size_bytes) return std::nullopt;
  ByteReader reader{bytes};
  ReceiptHandle handle;
  handle.queue = reader.u32();
  handle.attempt = reader.u32();
  const std::uint64_t low = reader.u32();
  handle.sequence = (std::uint64_t{reader.u32()} << 32U) | low;
  return handle;
}

}  // namespace remuda::broker
