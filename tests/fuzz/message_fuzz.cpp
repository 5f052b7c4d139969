// Any bytes as a packed message. Checked besides memory: view and unpack accept exactly the same bytes and read the same,
// and what was unpacked survives being packed again.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/message.hpp"
#include "common/msgpack_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const auto view = remuda::view_message(input);
  const auto message = remuda::unpack_message(input);
  if (view.ok() != message.ok()) std::abort();
  if (!view) {
    if (view.error() != message.error()) std::abort();
    static_cast<void>(remuda::is_msgpack(input));
    return 0;
  }
  if (view->id != message->id || view->group_id != message->group_id || view->dedup_id != message->dedup_id ||
      view->body != message->body) {
    std::abort();
  }
  const auto again = remuda::unpack_message(remuda::pack(*message));
  if (!again || *again != *message) std::abort();
  return 0;
}
