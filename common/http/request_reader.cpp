#include "common/http/request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace remuda::http {

namespace beast = boost::beast;
using KnownField = beast::http::field;

namespace {

constexpr Problem fine() {
  return Problem{0, {}, {}};
}
Problem bad_request(std::string detail) {
  return {400, std::move(detail), {}};
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

struct RequestReader::Parser {
  std::optional<beast::http::request_parser<beast::http::string_body>> http;
  bool header_done = false;
};

RequestReader::RequestReader(const Limits& limits, std::vector<std::string> hosts)
    : limits_{limits}, hosts_{std::move(hosts)}, parser_{std::make_unique<Parser>()} {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

bool RequestReader::header_is_complete() const {
  return parser_->header_done;
}

RequestReader::Progress RequestReader::refuse(int status, std::string detail) {
  problem_ = {status, std::move(detail), {}};
  return Progress::refused;
}

RequestReader::Progress RequestReader::read(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  if (!started_) {
    // Some clients send an empty line after a body; RFC 9112 section 2.2 asks servers to overlook it.
    while (bytes.substr(consumed).starts_with("\r\n")) consumed += 2;
    if (bytes.size() == consumed || bytes.substr(consumed) == "\r") return Progress::needs_more;
    const char first = bytes[consumed];
    if (first < 'A' || first > 'Z') return refuse(400, "this is not an HTTP request");
    started_ = true;
    scanned_ = 0;
    body_wire_size_ = 0;
  }
  if (!parser_->header_done) {
    std::size_t header_size = 0;
    const Progress progress = read_header(bytes.substr(consumed), header_size);
    consumed += header_size;
    if (progress != Progress::needs_more || !parser_->header_done) return progress;
  }
  std::size_t body_size = 0;
  const Progress progress = read_body(bytes.substr(consumed), body_size);
  consumed += body_size;
  return progress;
}

RequestReader::Progress RequestReader::read_header(std::string_view bytes, std::size_t& consumed) {
  const auto end = bytes.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
  if (end == std::string_view::npos) {
    scanned_ = bytes.size();
    if (bytes.size() >= limits_.header_size_max) {
      const bool endless_line = bytes.find('\n') == std::string_view::npos;
      return endless_line ? refuse(414, "the request line is too long") : refuse(431, "the header is larger than 16 KiB");
    }
    return Progress::needs_more;
  }
  const std::string_view block = bytes.substr(0, end + 4);
  if (const Problem wrong = check_header_block(block); wrong.status != 0) return refuse(wrong.status, wrong.detail);

  auto& http = parser_->http.emplace();
  http.header_limit(static_cast<std::uint32_t>(limits_.header_size_max));
  http.body_limit(limits_.body_size_max);
  beast::error_code error;
  http.put(boost::asio::buffer(block.data(), block.size()), error);
  if (error == beast::http::error::body_limit) return refuse(413, "the body is larger than 1 MiB");
  if (error == beast::http::error::bad_version) return refuse(505, "HTTP/1.1 and HTTP/1.0 are understood");
  if (error && error != beast::http::error::need_more) return refuse(400, "the request header is malformed: " + error.message());
  if (!http.is_header_done()) return refuse(400, "the request header is malformed");
  if (const Problem wrong = check_fields(); wrong.status != 0) return refuse(wrong.status, wrong.detail);
  consumed = block.size();
  parser_->header_done = true;
  if (http.is_done()) return Progress::complete;

  const auto expect = view(http.get()[KnownField::expect]);
  if (!expect.empty() && bytes.size() == block.size()) return Progress::wants_continue;
  http.eager(true);
  return Progress::needs_more;
}

RequestReader::Progress RequestReader::read_body(std::string_view bytes, std::size_t& consumed) {
  auto& http = *parser_->http;
  http.eager(true);
  if (http.is_done()) return Progress::complete;
  if (bytes.empty()) return Progress::needs_more;
  beast::error_code error;
  consumed = http.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  body_wire_size_ += consumed;
  if (error == beast::http::error::body_limit) return refuse(413, "the body is larger than 1 MiB");
  if (error && error != beast::http::error::need_more) return refuse(400, "the request body is malformed: " + error.message());
  if (http.is_done()) return Progress::complete;
  if (bytes.size() - consumed > limits_.header_size_max) return refuse(400, "a chunk header or trailer is too long");
  if (body_wire_size_ > 2 * limits_.body_size_max + 65'536) return refuse(413, "the body is sent in too many too small chunks");
  return Progress::needs_more;
}

Problem RequestReader::check_header_block(std::string_view block) const {
  if (block.size() > limits_.header_size_max) return {431, "the header is larger than 16 KiB", {}};
  std::size_t lines = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const char c = block[i];
    if (c == '\r') {
      if (block[i + 1] != '\n')
        return bad_request("a line of the header does not end with CRLF");  // i + 1 exists: the block ends with LF
      ++i;
      ++lines;
      // A folded line is read differently by different servers: the door to smuggling.
      if (i + 1 < block.size() && (block[i + 1] == ' ' || block[i + 1] == '\t'))
        return bad_request("folded header lines are refused");
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) {
      return bad_request("the header holds a control character");
    }
  }
  if (lines > limits_.field_count_max + 2) return {431, "the header has more than 100 fields", {}};  // request line and empty line
  const auto target_begin = block.find(' ');
  const auto target_end = block.find_first_of(" \r", target_begin == std::string_view::npos ? 0 : target_begin + 1);
  if (target_begin != std::string_view::npos && target_end - target_begin - 1 > limits_.target_size_max) {
    return {414, "the request target is longer than 4 KiB", {}};
  }
  return fine();
}

Problem RequestReader::check_fields() const {
  const auto& http = *parser_->http;
  const auto& request = http.get();
  if (request.version() != 11 && request.version() != 10) return {505, "HTTP/1.1 and HTTP/1.0 are understood", {}};
  if (request.target().empty() || request.target().front() != '/') return bad_request("the request target must begin with '/'");
  if (request.method_string().size() > 16) return {501, "unknown method", {}};

  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t codings = 0;
  for (const auto& field : request) {
    if (field.name() == KnownField::host) ++hosts;
    if (field.name() == KnownField::content_length) ++lengths;
    if (field.name() == KnownField::transfer_encoding) ++codings;
  }
  if (hosts > 1 || (hosts == 0 && request.version() == 11)) return bad_request("exactly one Host field is required");
  if (lengths + codings > 1) return bad_request("a body is framed by one Content-Length or one Transfer-Encoding");
  if (codings == 1) {
    if (request.version() == 10) return bad_request("HTTP/1.0 has no Transfer-Encoding");
    if (!equal_ignoring_case(view(request[KnownField::transfer_encoding]), "chunked"))
      return {501, "only Transfer-Encoding: chunked is understood", {}};
  }
  if (lengths == 1) {
    const auto text = view(request[KnownField::content_length]);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
      return bad_request("Content-Length must be a number");
    const auto length = http.content_length();
    if (length && *length > limits_.body_size_max) return {413, "the body is larger than 1 MiB", {}};
  }
  const auto method = view(request.method_string());
  const bool needs_length = method == "POST" || method == "PUT" || method == "PATCH";
  if (needs_length && lengths + codings == 0) return {411, "this method needs Content-Length or Transfer-Encoding: chunked", {}};
  const auto expect = view(request[KnownField::expect]);
  if (!expect.empty() && !equal_ignoring_case(expect, "100-continue")) return {417, "only Expect: 100-continue is understood", {}};
  return hosts == 1 ? check_host(view(request[KnownField::host])) : fine();
}

Problem RequestReader::check_host(std::string_view value) const {
  if (hosts_.empty()) return fine();
  // [::1]:8080, 127.0.0.1:8080, localhost
  const auto port =
      value.starts_with('[') ? value.find(']') == std::string_view::npos ? value.size() : value.find(']') + 1 : value.find(':');
  const auto host = value.substr(0, port);
  const bool known =
      std::any_of(hosts_.begin(), hosts_.end(), [&](const std::string& name) { return equal_ignoring_case(name, host); });
  if (known) return fine();
  return {421, "this server does not answer for that Host; allow it with the parameter 'hosts'", {}};
}

Request RequestReader::take() {
  auto message = parser_->http->release();
  Request request;
  const auto method = view(message.method_string());
  request.method.assign(method);
  request.target.assign(message.target().data(), message.target().size());
  request.keep_alive = message.keep_alive();
  request.has_body = message.count(KnownField::content_length) + message.count(KnownField::transfer_encoding) > 0;
  for (const auto& field : message) request.fields.emplace_back(std::string{field.name_string()}, std::string{field.value()});
  request.body = std::move(message.body());
  parser_->http.reset();
  parser_->header_done = false;
  started_ = false;
  scanned_ = 0;
  return request;
}

}  // namespace remuda::http
