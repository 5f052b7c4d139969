#pragma once
// An HTTP/1.1 server on one thread of its own. It owns connections, framing, limits and deadlines; a handler sees whole
// requests and answers whenever it likes, from any thread.
//
// What it stands: slow and silent clients (total deadlines; at the connection cap room is made by whoever is idle after an answer,
// or has been sending one request for more than a second, and newcomers wait until somebody does), endless headers and bodies, smuggling, pipelining, clients that never read,
// TLS handshakes that never end (they count as part of the first header). What it does not do: compression, files, HTTP/2. Who may ask is
// decided by its handler (bearer_gate.hpp), where it may listen by exposure.hpp.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "common/http/deadlines.hpp"
#include "common/http/endpoint.hpp"
#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"
#include "common/http/request_reader.hpp"
#include "common/result.hpp"

namespace remuda::http {

/// Two files in PEM form. The key must be 0600 and of this user.
struct TlsFiles {
  std::string certificate;  ///< the server's own first, then what leads to a root
  std::string key;
};

struct ServerOptions {
  Endpoint listen;
  std::optional<TlsFiles> tls;  ///< nothing: in the clear. Read when it begins to listen, and not again
  Limits limits;
  Deadlines deadlines;
  std::size_t connections_max = 1'024;
  /// What Host may say, without port. On loopback `localhost`, `127.0.0.1` and `[::1]` are always among them; on another address
  /// empty means any.
  std::vector<std::string> hosts;
  /// How a request looks answered that no handler saw, or answered too late; empty: as problem+json.
  std::function<Response(const Problem&)> refusal;
};

/// Answers one request: call it once, from any thread; later calls do nothing. When the last copy goes without an answer, the
/// client gets 500. It may outlive the connection and the server.
class Responder {
 public:
  class Pending;
  explicit Responder(std::shared_ptr<Pending> pending) : pending_{std::move(pending)} {}
  void operator()(Response response) const;
  /// False once nobody waits for the answer any more: the client has hung up, or has been told that it took too long.
  [[nodiscard]] bool is_wanted() const;

 private:
  std::shared_ptr<Pending> pending_;
};

/// Called on the server's thread; must not block.
using Handler = std::function<void(Request request, Responder respond)>;

struct ServerStatistics {
  std::uint64_t connections = 0;  ///< open now
  std::uint64_t handling = 0;     ///< requests without an answer now
  std::uint64_t refused = 0;      ///< requests that were malformed or over a limit
  std::uint64_t timed_out = 0;    ///< connections cut at a deadline
  std::uint64_t evicted = 0;      ///< connections closed to make room
};

class Server {
 public:
  /// Listens; connections wait until serve(). `clock` must outlive the server. Errors:
  /// `address_in_use`, `cannot_listen`, and those of tls_context() (definite).
  static Result<std::unique_ptr<Server>> listen(const ServerOptions& options, Handler handler, const Clock& clock);
  /// Starts the thread; once.
  void serve();
  /// As stop() without grace.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where it listens, with the real port.
  [[nodiscard]] const Endpoint& endpoint() const;
  /// "http://127.0.0.1:8080", "https://[::1]:8443"
  [[nodiscard]] std::string url() const;
  [[nodiscard]] ServerStatistics statistics() const;

  /// Takes no new connections, closes idle ones, and ends each other one after its present answer. Returns at once.
  void drain();
  /// drain(), then waits until every running request is answered and written, at most `grace`; then closes what is left.
  void stop(std::chrono::milliseconds grace);

  class Core;

 private:
  explicit Server(std::shared_ptr<Core> core) : core_{std::move(core)} {}
  std::shared_ptr<Core> core_;
};

}  // namespace remuda::http
