// Arbitrary bytes as a request and as a reply: refused or understood, never a crash; what is understood is written back to the
// same bytes' meaning.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remuda::wire;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  Request request;
  if (decode_request(bytes, request)) {
    std::string again;
    encode_request(request, again);
    Request reread;
    if (!decode_request(again, reread) || reread.command.index() != request.command.index()) std::abort();
  }
  if (const auto reply = decode_reply(bytes)) {
    if (const auto* ok = std::get_if<Ok>(&*reply)) {
      static_cast<void>(decode_number(ok->result));
      static_cast<void>(decode_welcome(ok->result));
      static_cast<void>(decode_received(ok->result));
      static_cast<void>(decode_handle_errors(ok->result));
      static_cast<void>(decode_peeked(ok->result));
      static_cast<void>(decode_queue_info(ok->result));
      static_cast<void>(decode_queue_list(ok->result));
      static_cast<void>(decode_topic_list(ok->result));
    }
  }
  return 0;
}
