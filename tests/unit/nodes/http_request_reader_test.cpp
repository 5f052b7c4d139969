// What a client may send, and what it is told when it may not. Bytes in, requests or refusals out: no socket.

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "common/http/request_reader.hpp"

using namespace remuda::http;

namespace remuda::http {
std::ostream& operator<<(std::ostream& out, RequestReader::Progress progress) {
  return out << static_cast<int>(progress);
}
}  // namespace remuda::http

namespace {

using Progress = RequestReader::Progress;

struct ReaderFixture {
  Limits limits;
  RequestReader reader{limits, {"localhost", "127.0.0.1"}};
  std::string buffer;

  Progress send(std::string_view bytes) {
    buffer += bytes;
    std::size_t consumed = 0;
    const Progress progress = reader.read(buffer, consumed);
    BOOST_REQUIRE_LE(consumed, buffer.size());
    buffer.erase(0, consumed);
    return progress;
  }
  /// The status of the refusal; 0 when it is none.
  int refusal_of(std::string_view bytes) {
    reader = RequestReader{limits, {"localhost", "127.0.0.1"}};
    buffer.clear();
    return send(bytes) == Progress::refused ? reader.problem().status : 0;
  }
  static std::string post(std::string_view fields, std::string_view body) {
    return "POST /rides HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} + "\r\n" + std::string{body};
  }
  static std::string get(std::string_view fields) { return "GET /rides HTTP/1.1\r\n" + std::string{fields} + "\r\n"; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_reader, ReaderFixture)

BOOST_AUTO_TEST_CASE(a_request_arrives_whole) {
  BOOST_TEST(send(post("Content-Length: 5\r\nX-Trace: a\r\n", "hello")) == Progress::complete);
  const Request request = reader.take();
  BOOST_TEST(request.method == "POST");
  BOOST_TEST(request.target == "/rides");
  BOOST_TEST(request.body == "hello");
  BOOST_TEST(request.field("x-trace") == "a");
  BOOST_TEST(request.keep_alive);
}

BOOST_AUTO_TEST_CASE(a_request_arrives_byte_by_byte) {
  const std::string bytes = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) BOOST_REQUIRE(send(bytes.substr(i, 1)) == Progress::needs_more);
  BOOST_TEST(send(bytes.substr(bytes.size() - 1)) == Progress::complete);
  BOOST_TEST(reader.take().body == "abcde");
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_read_one_after_the_other) {
  BOOST_TEST(send(post("Content-Length: 1\r\n", "a") + post("Content-Length: 1\r\n", "b") + get("Host: localhost\r\n")) ==
             Progress::complete);
  BOOST_TEST(reader.take().body == "a");
  BOOST_TEST(send("") == Progress::complete);
  BOOST_TEST(reader.take().body == "b");
  BOOST_TEST(send("") == Progress::complete);
  BOOST_TEST(reader.take().method == "GET");
  BOOST_TEST(buffer.empty());
  BOOST_TEST(!reader.in_request());
}

BOOST_AUTO_TEST_CASE(an_empty_line_before_a_request_is_overlooked) {
  BOOST_TEST(send("\r\n\r\n" + get("Host: localhost\r\n")) == Progress::complete);
}

BOOST_AUTO_TEST_CASE(bytes_that_cannot_be_http_are_refused_at_once) {
  BOOST_TEST(refusal_of("\x16\x03\x01") == 400);  // a TLS client
  BOOST_TEST(refusal_of("hello\r\n") == 400);
}

BOOST_AUTO_TEST_CASE(a_client_that_expects_100_continue_is_told_to_go_on) {
  BOOST_TEST(send(post("Content-Length: 2\r\nExpect: 100-continue\r\n", "")) == Progress::wants_continue);
  BOOST_TEST(send("ok") == Progress::complete);
  BOOST_TEST(refusal_of(post("Content-Length: 2\r\nExpect: a-miracle\r\n", "")) == 417);
  BOOST_TEST(refusal_of(post("Content-Length: 1048577\r\nExpect: 100-continue\r\n", "")) == 413);
}

BOOST_AUTO_TEST_CASE(a_header_may_have_16_KiB_and_not_a_byte_more) {
  const std::string frame = get("Host: localhost\r\nX: \r\n");
  BOOST_TEST(refusal_of(get("Host: localhost\r\nX: " + std::string(16'384 - frame.size(), 'x') + "\r\n")) == 0);
  BOOST_TEST(refusal_of(get("Host: localhost\r\nX: " + std::string(16'385 - frame.size(), 'x') + "\r\n")) == 431);
}

BOOST_AUTO_TEST_CASE(an_endless_header_is_refused_before_it_ends) {
  BOOST_TEST(refusal_of("GET / HTTP/1.1\r\nX: " + std::string(16'384, 'x')) == 431);
  BOOST_TEST(refusal_of("GET /" + std::string(16'384, 'x')) == 414);
}

BOOST_AUTO_TEST_CASE(a_header_may_have_100_fields_and_not_one_more) {
  std::string fields = "Host: localhost\r\n";
  for (int i = 1; i < 100; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  BOOST_TEST(refusal_of(get(fields)) == 0);
  BOOST_TEST(refusal_of(get(fields + "X-100: 1\r\n")) == 431);
}

BOOST_AUTO_TEST_CASE(a_target_may_have_4_KiB) {
  const auto with_target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  };
  BOOST_TEST(refusal_of(with_target(4'096)) == 0);
  BOOST_TEST(refusal_of(with_target(4'097)) == 414);
}

BOOST_AUTO_TEST_CASE(a_body_may_have_1_MiB_and_not_a_byte_more) {
  BOOST_TEST(refusal_of(post("Content-Length: 1048576\r\n", std::string(1'048'576, 'x'))) == 0);
  BOOST_TEST(refusal_of(post("Content-Length: 1048577\r\n", "")) == 413);
}

BOOST_AUTO_TEST_CASE(a_chunked_body_has_the_same_limit) {
  limits.body_size_max = 10;
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n")) == 0);
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\n", "b\r\n0123456789a\r\n0\r\n\r\n")) == 413);
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\n", "6\r\n012345\r\n6\r\n678901\r\n0\r\n\r\n")) == 413);
}

BOOST_AUTO_TEST_CASE(chunk_framing_without_content_has_an_end) {
  limits.body_size_max = 10;
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(20'000, 'x'))) == 400);
  std::string chunks;
  for (int i = 0; i < 9; ++i) chunks += "1;" + std::string(8'000, 'x') + "\r\na\r\n";
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\n", chunks)) == 413);
}

BOOST_AUTO_TEST_CASE(wrong_chunk_sizes_are_refused) {
  for (const std::string_view size : {"-1", "g", "fffffffffffffffff", "0x5", "+5", ""}) {
    BOOST_TEST_CONTEXT("chunk size '" << size << "'") {
      BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\n", std::string{size} + "\r\nabcde\r\n0\r\n\r\n")) != 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_body_is_framed_in_one_way_only) {
  BOOST_TEST(refusal_of(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")) == 400);
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")) == 400);
  BOOST_TEST(refusal_of(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")) == 400);
  BOOST_TEST(refusal_of(post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")) == 400);
  BOOST_TEST(refusal_of(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")) == 400);
  BOOST_TEST(refusal_of(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")) == 501);
  BOOST_TEST(refusal_of(post("Transfer-Encoding: identity\r\n", "hello")) == 501);
  BOOST_TEST(refusal_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
}

BOOST_AUTO_TEST_CASE(a_content_length_is_a_plain_number) {
  for (const std::string_view length : {"-1", "+5", "5, 5", "0x5", "five", "99999999999999999999999", ""}) {
    BOOST_TEST_CONTEXT("length '" << length << "'") {
      const int status = refusal_of(post("Content-Length: " + std::string{length} + "\r\n", "hello"));
      BOOST_TEST((status == 400 || status == 413));
    }
  }
}

BOOST_AUTO_TEST_CASE(methods_with_a_body_state_its_length) {
  BOOST_TEST(refusal_of(post("", "")) == 411);
  BOOST_TEST(refusal_of(post("Content-Length: 0\r\n", "")) == 0);
  BOOST_TEST(refusal_of(get("Host: localhost\r\n")) == 0);
}

BOOST_AUTO_TEST_CASE(the_host_is_named_once_and_is_one_of_ours) {
  BOOST_TEST(refusal_of(get("Host: LOCALHOST:8080\r\n")) == 0);
  BOOST_TEST(refusal_of(get("Host: 127.0.0.1\r\n")) == 0);
  BOOST_TEST(refusal_of(get("Host: evil.example\r\n")) == 421);
  BOOST_TEST(refusal_of(get("Host: localhost.evil.example\r\n")) == 421);
  BOOST_TEST(refusal_of(get("Host: \r\n")) == 421);
  BOOST_TEST(refusal_of(get("")) == 400);
  BOOST_TEST(refusal_of(get("Host: localhost\r\nHost: evil.example\r\n")) == 400);
  BOOST_TEST(refusal_of("GET / HTTP/1.0\r\n\r\n") == 0);
}

BOOST_AUTO_TEST_CASE(lines_that_two_servers_would_read_differently_are_refused) {
  BOOST_TEST(refusal_of("GET / HTTP/1.1\nHost: localhost\r\n\r\n") == 400);
  BOOST_TEST(refusal_of(get("Host: localhost\r\nX: a\r\n folded\r\n")) == 400);
  BOOST_TEST(refusal_of(get("Host: localhost\r\nX : a\r\n")) == 400);
  BOOST_TEST(refusal_of(get("Host: localhost\r\nX: a\rb\r\n")) == 400);
  BOOST_TEST(refusal_of(get(std::string{"Host: localhost\r\nX: a"} + '\0' + "b\r\n")) == 400);
  BOOST_TEST(refusal_of(get("Host: localhost\r\nno colon\r\n")) == 400);
}

BOOST_AUTO_TEST_CASE(only_paths_of_this_server_are_asked_for) {
  BOOST_TEST(refusal_of("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n") == 400);
  BOOST_TEST(refusal_of("CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n") == 400);
  BOOST_TEST(refusal_of("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n") == 400);
}

BOOST_AUTO_TEST_CASE(other_versions_of_http_are_refused) {
  BOOST_TEST(refusal_of("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n") != 0);
  BOOST_TEST(refusal_of("GET / HTTP/1.2\r\nHost: localhost\r\n\r\n") == 505);
  BOOST_TEST(refusal_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") != 0);
  BOOST_TEST(refusal_of("GET /\r\n\r\n") == 400);
}

BOOST_AUTO_TEST_CASE(a_client_says_whether_the_connection_stays) {
  BOOST_TEST(send(get("Host: localhost\r\nConnection: close\r\n")) == Progress::complete);
  BOOST_TEST(!reader.take().keep_alive);
  BOOST_TEST(send("GET / HTTP/1.0\r\n\r\n") == Progress::complete);
  BOOST_TEST(!reader.take().keep_alive);
}

BOOST_AUTO_TEST_SUITE_END()
