#pragma once
// Turns the bytes of a connection into requests. No socket and no clock: bytes in, requests or a refusal out, so every limit
// is tested and fuzzed without a network. The grammar is Boost.Beast's parser; this class adds the strictness that a server facing
// hostile clients needs: one way to frame a body (never Content-Length and Transfer-Encoding together, never twice), CRLF line ends
// only, no folded lines, a single Host, and a limit on everything. Source: RFC 9112 (sections 2.2, 5.2, 6, 11.2); RELIABILITY of
// this project, E5.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"

namespace remuda::http {

struct Limits {
  std::size_t header_size_max = 16'384;  ///< request line and fields, with their line ends
  std::size_t field_count_max = 100;
  std::size_t target_size_max = 4'096;
  std::size_t body_size_max =
      1'048'576;  ///< after decoding; in chunks at most twice that and 64 KiB may be sent, whatever they hold
};

class RequestReader {
 public:
  enum class Progress {
    needs_more,      ///< give more bytes
    wants_continue,  ///< the header is complete and the client waits for `100 Continue` before it sends the body
    complete,        ///< take() the request
    refused          ///< answer problem() and close: where the next request would begin is unknown
  };

  /// Requests must name one of `hosts` (without port, lower case) in Host; empty: any. That is what stops DNS
  /// rebinding on loopback.
  RequestReader(const Limits& limits, std::vector<std::string> hosts);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  /// Reads from the front of `bytes`, which must begin with what an earlier call left over; `consumed` says how much to drop.
  /// At most header_size_max bytes are left over while it asks for more.
  Progress read(std::string_view bytes, std::size_t& consumed);
  /// After `complete`, once; the reader is then ready for the next request of the connection.
  Request take();
  /// After `refused`.
  [[nodiscard]] const Problem& problem() const { return problem_; }

  /// True from the first byte of a request until take(): a connection that is not in a request is idle.
  [[nodiscard]] bool in_request() const { return started_; }
  /// True while the body is being read.
  [[nodiscard]] bool header_is_complete() const;

 private:
  struct Parser;

  // constant after construction
  Limits limits_;
  std::vector<std::string> hosts_;
  // the present request
  std::unique_ptr<Parser> parser_;
  std::size_t scanned_ = 0;         ///< bytes in which no end of header was found
  std::size_t body_wire_size_ = 0;  ///< as sent, with chunk framing
  bool started_ = false;
  Problem problem_;

  Progress refuse(int status, std::string detail);
  Progress read_header(std::string_view bytes, std::size_t& consumed);
  Progress read_body(std::string_view bytes, std::size_t& consumed);
  [[nodiscard]] Problem check_header_block(std::string_view block) const;
  [[nodiscard]] Problem check_fields() const;
  [[nodiscard]] Problem check_host(std::string_view value) const;
};

}  // namespace remuda::http
