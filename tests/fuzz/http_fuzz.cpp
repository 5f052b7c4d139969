// Hostile bytes into the HTTP parser and router. Whatever comes, a request is taken whole or refused with a status, what is left
// over stays bounded, and bytes that arrive in pieces mean the same as bytes that arrive at once.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/http/request_reader.hpp"
#include "common/http/router.hpp"
#include "common/http/url.hpp"

using namespace remuda::http;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

struct Seen {
  std::size_t requests = 0;
  std::size_t body_bytes = 0;
  int refusal = 0;
};

Seen read_all(std::string_view input, std::size_t piece) {
  static const Router router = *Router::make({{"GET /rides/{id}", "a"}, {"POST /rides", "b"}, {"GET /a/{b}/c/{d}", "c"}});
  const Limits limits;
  RequestReader reader{limits, {"localhost"}};
  Seen seen;
  std::string buffer;
  while (!input.empty()) {
    buffer += input.substr(0, piece);
    input.remove_prefix(std::min(piece, input.size()));
    for (;;) {
      std::size_t consumed = 0;
      const auto progress = reader.read(buffer, consumed);
      require(consumed <= buffer.size());
      buffer.erase(0, consumed);
      if (progress == RequestReader::Progress::refused) {
        seen.refusal = reader.problem().status;
        require(seen.refusal >= 400 && seen.refusal < 600);
        return seen;
      }
      if (progress == RequestReader::Progress::complete) {
        const Request request = reader.take();
        ++seen.requests;
        seen.body_bytes += request.body.size();
        require(request.target.starts_with('/') && request.body.size() <= limits.body_size_max);
        (void)router.find(request.method, request.path());
        (void)parse_query(request.query());
        continue;
      }
      require(buffer.size() <= limits.header_size_max);
      break;
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const Seen whole = read_all(input, size + 1);
  const Seen pieces = read_all(input, 7);
  // In pieces a limit may be met earlier or later, but what was understood must be the same.
  require((whole.refusal != 0) == (pieces.refusal != 0) && whole.requests == pieces.requests &&
          whole.body_bytes == pieces.body_bytes);
  return 0;
}
