// Arbitrary bytes as what a peer says: cut into frames or refused, never a crash; and cut in the same way whether they arrive at
// once or byte by byte.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/zmtp/protocol.hpp"

namespace {

using remuda::zmtp::Decoder;

/// Everything that is told, as text.
std::string told_of(std::string_view bytes, std::size_t piece_size) {
  Decoder decoder{"DEALER", 10'000};
  std::string told;
  std::string waiting;
  while (!bytes.empty()) {
    waiting += bytes.substr(0, piece_size);
    bytes.remove_prefix(bytes.size() < piece_size ? bytes.size() : piece_size);
    std::string_view left = waiting;
    while (true) {
      std::string_view content;
      const auto event = decoder.next(left, content);
      if (event == Decoder::Event::incomplete) {
        if (decoder.wanted() <= left.size()) std::abort();
        break;
      }
      told += static_cast<char>('a' + static_cast<int>(event));
      if (event == Decoder::Event::refused) return told;
      told += content;
    }
    waiting = left;
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  std::string opened;
  remuda::zmtp::append_opening("DEALER", opened);
  opened += bytes;
  for (const std::string_view said : {bytes, std::string_view{opened}}) {
    if (told_of(said, said.size() + 1) != told_of(said, 1)) std::abort();
  }
  return 0;
}
