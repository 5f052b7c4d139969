#include "common/http/server.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <csignal>

#include "common/http/response_writer.hpp"
#include "common/http/server_core.hpp"
#include "common/http/tls.hpp"

namespace remuda::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// How often deadlines are looked at: they are seconds, so one walk over the connections beats a timer for each.
constexpr std::chrono::milliseconds sweep_interval{250};

ServerOptions with_loopback_hosts(ServerOptions options) {
  if (options.listen.is_loopback())
    options.hosts.insert(options.hosts.end(), {"localhost", "127.0.0.1", "[::1]", options.listen.host});
  return options;
}

}  // namespace

Server::Core::Core(ServerOptions given_options, Handler given_handler, const Clock& given_clock)
    : options{with_loopback_hosts(std::move(given_options))},
      handler{std::move(given_handler)},
      clock{given_clock},
      endpoint{options.listen} {}

Result<void> Server::Core::listen() {
  if (options.tls) {
    auto made = tls_context(*options.tls);
    if (!made) return Failure{made.error()};
    tls = *std::move(made);
  }
  error_code error;
  const auto address = asio::ip::make_address(options.listen.host, error);
  if (error) return fail("cannot_listen", "'" + options.listen.host + "' is not an address");
  const tcp::endpoint where{address, options.listen.port};
  acceptor_.open(where.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error) acceptor_.bind(where, error);
  if (!error) acceptor_.listen(4'096, error);
  if (error == asio::error::address_in_use)
    return fail("address_in_use", options.listen.text() + " is in use: stop who listens there, or choose another port");
  if (error) return fail("cannot_listen", "cannot listen on " + options.listen.text() + ": " + error.message());
  endpoint.port = acceptor_.local_endpoint().port();
  return {};
}

void Server::Core::serve() {
  accept();
  sweep();
  // Signals belong to the thread that runs the node: a new thread inherits the mask that is set while it is made.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { loop.run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Server::Core::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (draining_ || error == asio::error::operation_aborted) return;
    if (error) {
      // Out of descriptors or memory: give back what waits, and try again a little later instead of spinning.
      make_room();
      accept_pause_.expires_after(std::chrono::milliseconds{50});
      accept_pause_.async_wait([this](error_code aborted) {
        if (!aborted) accept();
      });
      return;
    }
    const auto connection = std::make_shared<Connection>(std::move(socket), shared_from_this());
    connection->place = connections.insert(connections.end(), connection);
    connection_count.store(connections.size(), std::memory_order_relaxed);
    connection->begin();
    // At the cap the newest is one too many until room is made for it; the next one waits in the kernel's backlog, where its
    // request is safe, rather than at the cost of a client who has only just come.
    crowded_ = connections.size() > options.connections_max && !make_room();
    if (!crowded_) accept();
  });
}

void Server::Core::go_on_accepting() {
  if (!crowded_ || draining_ || connections.size() > options.connections_max) return;
  crowded_ = false;
  accept();
}

bool Server::Core::make_room() {
  const Instant now = clock.now();
  std::optional<std::pair<bool, Instant::duration>> most;
  std::shared_ptr<Connection> spared;
  for (const auto& connection : connections) {
    const auto spare = connection->spare(now);
    if (!spare || (most && *spare <= *most)) continue;
    most = spare;
    spared = connection;
  }
  if (!spared) return false;
  evicted.fetch_add(1, std::memory_order_relaxed);
  spared->close();
  return true;
}

void Server::Core::remove(Connection& connection) {
  const auto kept = *connection.place;
  connections.erase(connection.place);
  connection_count.store(connections.size(), std::memory_order_relaxed);
  go_on_accepting();
  say_when_empty();
}

void Server::Core::sweep() {
  sweep_timer_.expires_after(sweep_interval);
  sweep_timer_.async_wait([this](error_code aborted) {
    if (aborted) return;
    const Instant now = clock.now();
    for (auto it = connections.begin(); it != connections.end();) {
      const auto connection = *it++;
      connection->check_deadline(now);
    }
    if (crowded_) make_room();
    sweep();
  });
}

std::string_view Server::Core::date() {
  const auto now = clock.wall_now();
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(now);
  }
  return date_;
}

void Server::Core::drain() {
  asio::post(loop, [self = shared_from_this()] {
    if (self->draining_) return;
    self->draining_ = true;
    error_code ignored;
    self->acceptor_.close(ignored);
    self->accept_pause_.cancel();
    for (auto it = self->connections.begin(); it != self->connections.end();) {
      const auto connection = *it++;
      connection->drain();
    }
    self->say_when_empty();
  });
}

void Server::Core::say_when_empty() {
  if (!draining_ || !connections.empty()) return;
  const std::lock_guard lock{empty_mutex_};
  empty_ = true;
  empty_changed_.notify_all();
}

void Server::Core::stop(std::chrono::milliseconds grace) {
  drain();
  if (thread_.joinable()) {
    std::unique_lock lock{empty_mutex_};
    empty_changed_.wait_for(lock, grace, [&] { return empty_; });
  }
  loop.stop();
  if (thread_.joinable()) thread_.join();
  // Connections hold the core and the core holds connections: this is where the ring is cut.
  while (!connections.empty()) {
    const auto connection = connections.front();
    connection->close();
  }
  error_code ignored;
  acceptor_.close(ignored);
  sweep_timer_.cancel();
  loop.restart();
  loop.poll();  // runs the aborted operations, so that nothing keeps a connection alive
}

Result<std::unique_ptr<Server>> Server::listen(const ServerOptions& options, Handler handler, const Clock& clock) {
  auto core = std::make_shared<Core>(options, std::move(handler), clock);
  if (auto listening = core->listen(); !listening) return Failure<Error>{listening.error()};
  return std::unique_ptr<Server>{new Server{std::move(core)}};
}

void Server::serve() {
  core_->serve();
}
Server::~Server() {
  core_->stop(std::chrono::milliseconds{0});
}
const Endpoint& Server::endpoint() const {
  return core_->endpoint;
}
std::string Server::url() const {
  return (core_->tls ? "https://" : "http://") + core_->endpoint.text();
}
void Server::drain() {
  core_->drain();
}
void Server::stop(std::chrono::milliseconds grace) {
  core_->stop(grace);
}

ServerStatistics Server::statistics() const {
  return {core_->connection_count.load(std::memory_order_relaxed), core_->handling.load(std::memory_order_relaxed),
          core_->refused.load(std::memory_order_relaxed), core_->timed_out.load(std::memory_order_relaxed),
          core_->evicted.load(std::memory_order_relaxed)};
}

}  // namespace remuda::http
