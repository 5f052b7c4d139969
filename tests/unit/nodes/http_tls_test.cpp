// The server behind TLS, on a real loopback socket. Its certificate is made for each test; time is a manual clock's.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/http/server.hpp"
#include "tests/unit/nodes/shared_clock.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using namespace remuda::http;
using remuda::test::SharedClock;
using namespace std::chrono_literals;

namespace {

constexpr int patience_ms = 20'000;  // only ever waited for by a test that fails

/// Writes a certificate that signs itself, and its key.
void make_certificate(const TlsFiles& files) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  BOOST_REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
  const auto write = [](const std::string& path, const auto& content) {
    FILE* const file = fopen(path.c_str(), "w");
    BOOST_REQUIRE(file != nullptr);
    BOOST_REQUIRE_EQUAL(content(file), 1);
    fclose(file);
    chmod(path.c_str(), 0600);
  };
  write(files.certificate, [&](FILE* file) { return PEM_write_X509(file, certificate); });
  write(files.key, [&](FILE* file) { return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
}

/// A client that speaks TLS once it has shaken hands, and plain bytes before. It waits as long as the test may run.
class Client {
 public:
  explicit Client(const Endpoint& server) {
    stream_.lowest_layer().connect({asio::ip::make_address(server.host), server.port});
    stream_.set_verify_mode(ssl::verify_none);
  }
  /// Empty when it worked.
  std::string shake_hands(int version_max = TLS1_3_VERSION) {
    SSL_set_max_proto_version(stream_.native_handle(), version_max);
    error_code error;
    stream_.handshake(ssl::stream_base::client, error);
    return error ? error.message() : std::string{};
  }
  void send(std::string_view bytes) {
    error_code ignored;
    asio::write(stream_, asio::buffer(bytes), ignored);
  }
  void send_plainly(std::string_view bytes) {
    error_code ignored;
    asio::write(stream_.next_layer(), asio::buffer(bytes), ignored);
  }
  /// Reads one response; empty when the server closes instead.
  std::string response() {
    for (;;) {
      const auto header_end = input_.find("\r\n\r\n");
      if (header_end != std::string::npos) {
        const auto field = input_.find("Content-Length: ");
        const std::size_t length = field < header_end ? std::stoul(input_.substr(field + 16)) : 0;
        if (input_.size() >= header_end + 4 + length) {
          const std::string response = input_.substr(0, header_end + 4 + length);
          input_.erase(0, response.size());
          return response;
        }
      }
      if (!receive(stream_)) return {};
    }
  }
  /// What comes without TLS until the server closes.
  std::string plain_answer() {
    while (receive(stream_.next_layer())) {}
    return input_;
  }
  bool is_closed_by_server() {
    while (receive(stream_.next_layer())) {}
    return true;
  }
  /// Says goodbye as TLS wants it; returns when the server has done so, too, or says something else.
  void say_goodbye() {
    error_code ignored;
    stream_.shutdown(ignored);
  }
  void hang_up() { stream_.lowest_layer().close(); }

 private:
  template <class Stream>
  bool receive(Stream& from) {
    char bytes[4'096];
    error_code error;
    const std::size_t got = from.read_some(asio::buffer(bytes), error);
    if (error) return false;
    input_.append(bytes, got);
    return true;
  }
  asio::io_context loop_;
  ssl::context context_{ssl::context::tls_client};
  ssl::stream<tcp::socket> stream_{loop_, context_};
  std::string input_;
};

struct TlsFixture {
  TemporaryFolder folder;
  SharedClock clock;
  ServerOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Responder> held;  ///< of a request to /hold
  std::unique_ptr<Server> server;

  TlsFixture() {
    options.listen = {"127.0.0.1", 0};
    options.tls = TlsFiles{folder.path + "/tls.crt", folder.path + "/tls.key"};
    make_certificate(*options.tls);
  }
  ~TlsFixture() { server.reset(); }

  Endpoint start() {
    auto listening = Server::listen(
        options,
        [this](const Request& request, Responder respond) {
          if (request.path() != "/hold")
            return respond({200, "text/plain", request.method + " " + request.target + " " + request.body, {}});
          const std::lock_guard lock{mutex};
          held = std::move(respond);
          changed.notify_all();
        },
        clock);
    BOOST_REQUIRE(listening.ok());
    server = std::move(*listening);
    server->serve();
    return server->endpoint();
  }
  Responder next_held() {
    std::unique_lock lock{mutex};
    BOOST_REQUIRE(changed.wait_for(lock, std::chrono::milliseconds{patience_ms}, [&] { return held.has_value(); }));
    return *std::exchange(held, std::nullopt);
  }
  std::string refusal() {
    const auto listening = Server::listen(
        options, [](Request, Responder) {}, clock);
    return listening ? std::string{} : listening.error().code + ": " + listening.error().message;
  }
  static bool is_abandoned(const Responder& responder) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
    while (responder.is_wanted() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    return !responder.is_wanted();
  }
  static std::string get(std::string_view path, std::string_view fields = {}) {
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} + "\r\n";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tls, TlsFixture)

BOOST_AUTO_TEST_CASE(a_connection_serves_many_requests_large_and_small) {
  Client client{start()};
  BOOST_TEST(server->url().starts_with("https://127.0.0.1:"));
  BOOST_TEST(client.shake_hands() == "");
  client.send(get("/1"));
  BOOST_TEST(client.response().ends_with("GET /1 "));
  client.send(get("/2") + get("/3"));
  BOOST_TEST(client.response().ends_with("GET /2 "));
  BOOST_TEST(client.response().ends_with("GET /3 "));
  const std::string large(300'000, 'x');
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n" + large);
  BOOST_TEST(client.response().ends_with("POST / " + large));
  client.send(get("/4", "Connection: close\r\n"));
  BOOST_TEST(client.response().ends_with("GET /4 "));
  BOOST_TEST(client.response() == "");
}

BOOST_AUTO_TEST_CASE(tls_below_1_2_is_refused) {
  const Endpoint endpoint = start();
  Client current{endpoint};
  BOOST_TEST(current.shake_hands(TLS1_2_VERSION) == "");
  Client old{endpoint};
  BOOST_TEST(old.shake_hands(TLS1_1_VERSION) != "");
}

BOOST_AUTO_TEST_CASE(who_speaks_http_without_tls_is_told_so_and_who_speaks_nonsense_is_let_go) {
  const Endpoint endpoint = start();
  Client plain{endpoint};
  plain.send_plainly(get("/"));
  const auto told = plain.plain_answer();
  BOOST_TEST(told.starts_with("HTTP/1.1 400 "));
  BOOST_TEST(told.find("ask with https") != std::string::npos);
  Client nonsense{endpoint};
  nonsense.send_plainly(std::string(100, '\xFF'));
  BOOST_TEST(nonsense.is_closed_by_server());
  BOOST_TEST(server->statistics().refused == 2U);
}

BOOST_AUTO_TEST_CASE(handshakes_that_never_end_disturb_nobody_and_are_cut_at_the_header_deadline) {
  const Endpoint endpoint = start();
  Client silent{endpoint};
  Client half{endpoint};
  half.send_plainly("\x16\x03\x01");
  Client other{endpoint};
  BOOST_TEST(other.shake_hands() == "");
  other.send(get("/"));
  BOOST_TEST(other.response().starts_with("HTTP/1.1 200 "));
  clock.advance(options.deadlines.header);
  BOOST_TEST(silent.is_closed_by_server());
  BOOST_TEST(half.is_closed_by_server());
  BOOST_TEST(server->statistics().timed_out >= 2U);
}

BOOST_AUTO_TEST_CASE(handshakes_that_never_end_make_room_for_others) {
  options.connections_max = 2;
  const Endpoint endpoint = start();
  Client first{endpoint};
  Client second{endpoint};
  first.send_plainly("\x16");
  clock.advance(1s);
  Client other{endpoint};
  BOOST_TEST(other.shake_hands() == "");
  other.send(get("/"));
  BOOST_TEST(other.response().starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(a_slow_request_is_cut_off) {
  Client client{start()};
  BOOST_TEST(client.shake_hands() == "");
  client.send("GET / HTTP/1.1\r\nX: ");
  Client other{server->endpoint()};
  BOOST_TEST(other.shake_hands() == "");
  other.send(get("/"));
  BOOST_TEST(other.response().starts_with("HTTP/1.1 200 "));
  clock.advance(options.deadlines.header);
  BOOST_TEST(client.is_closed_by_server());
}

BOOST_AUTO_TEST_CASE(an_answer_is_not_wanted_once_its_client_has_said_goodbye_or_is_gone) {
  const Endpoint endpoint = start();
  for (const bool politely : {true, false}) {
    Client client{endpoint};
    BOOST_TEST(client.shake_hands() == "");
    client.send(get("/hold"));
    const auto responder = next_held();
    BOOST_TEST(responder.is_wanted());
    std::thread goodbye{[&] { politely ? client.say_goodbye() : client.hang_up(); }};
    BOOST_TEST(is_abandoned(responder));
    responder({200, "text/plain", "late", {}});
    goodbye.join();
  }
}

BOOST_AUTO_TEST_CASE(a_client_hears_why_its_body_is_refused_while_it_still_sends) {
  options.limits.body_size_max = 100'000;
  Client client{start()};
  BOOST_TEST(client.shake_hands() == "");
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  BOOST_TEST(client.response().starts_with("HTTP/1.1 413 "));
}

BOOST_AUTO_TEST_CASE(a_draining_server_finishes_what_runs_and_closes) {
  Client busy{start()};
  BOOST_TEST(busy.shake_hands() == "");
  busy.send(get("/hold"));
  const auto running = next_held();
  server->drain();
  running({200, "text/plain", "done", {}});
  BOOST_TEST(busy.response().ends_with("done"));
  server->stop(std::chrono::milliseconds{patience_ms});
  BOOST_TEST(server->statistics().connections == 0U);
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_used_are_told_with_what_to_do) {
  BOOST_TEST(refusal() == "");
  const TlsFiles good = *options.tls;
  chmod(good.key.c_str(), 0640);
  BOOST_TEST(refusal().find("unsafe_keys: tls_key: " + good.key + ": others may read it; `chmod 600 " + good.key + "`") == 0U);
  chmod(good.key.c_str(), 0600);
  options.tls->key = folder.path + "/none";
  BOOST_TEST(refusal().find("no_keys: tls_key: there is no " + options.tls->key + "; `openssl req") == 0U);
  options.tls->key = good.certificate;
  BOOST_TEST(refusal().find("is not the private key of " + good.certificate) != std::string::npos);
  options.tls = good;
  options.tls->certificate = good.key;
  BOOST_TEST(refusal().find("bad_certificate: tls_certificate: " + good.key + " is no certificate") == 0U);
  options.tls = TlsFiles{folder.path + "/other.crt", folder.path + "/other.key"};
  make_certificate(*options.tls);
  options.tls->key = good.key;
  BOOST_TEST(refusal().find("tls_key: " + good.key + " is not the private key of " + options.tls->certificate) !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
