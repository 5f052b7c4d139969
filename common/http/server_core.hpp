#pragma once
// The server's shared heart: event loop, acceptor, list of connections. Internal to the server. Responders keep it alive, so
// that an answer which comes after the end finds something to be ignored by.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "common/http/connection.hpp"
#include "common/http/server.hpp"

namespace remuda::http {

class Server::Core : public std::enable_shared_from_this<Server::Core> {
 public:
  Core(ServerOptions given_options, Handler given_handler, const Clock& given_clock);

  Result<void> listen();
  void serve();
  void drain();
  void stop(std::chrono::milliseconds grace);

  /// The Date field's value, formatted once per second.
  std::string_view date();
  void remove(Connection& connection);
  [[nodiscard]] Response refusal_of(const Problem& problem) const {
    return options.refusal ? options.refusal(problem) : to_response(problem);
  }

  // constant after listen()
  const ServerOptions options;
  const Handler handler;
  const Clock& clock;
  Endpoint endpoint;
  std::unique_ptr<boost::asio::ssl::context> tls;  ///< null: without
  // the loop's
  boost::asio::io_context loop{1};
  std::list<std::shared_ptr<Connection>> connections;
  // counted on the loop, read anywhere
  std::atomic<std::uint64_t> connection_count{0};
  std::atomic<std::uint64_t> handling{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> evicted{0};

 private:
  void accept();
  void go_on_accepting();
  /// Closes the connection that can be spared best; false: none can.
  bool make_room();
  void sweep();
  void say_when_empty();

  boost::asio::ip::tcp::acceptor acceptor_{loop};
  boost::asio::steady_timer sweep_timer_{loop};
  boost::asio::steady_timer accept_pause_{loop};
  std::thread thread_;
  bool crowded_ = false;  ///< nobody is accepted until a connection ends or can be spared
  bool draining_ = false;
  std::int64_t date_second_ = -1;
  std::string date_;
  std::mutex empty_mutex_;
  std::condition_variable empty_changed_;
  bool empty_ = false;  ///< drained and no connection left
};

}  // namespace remuda::http
