#pragma once
// One client of the server: reads requests one after the other, hands each on, writes its answer. Lives on the server's
// thread. Internal to the server; the only other header that knows Asio is server_core.hpp.

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/http/deadlines.hpp"
#include "common/http/request_reader.hpp"
#include "common/http/server.hpp"
#include "common/http/transport.hpp"

namespace remuda::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Server::Core> core);

  void begin();
  /// The handler's answer to the present request; ignored unless `request` is still the present one.
  void answer(std::uint64_t request, const Response& response);
  /// Cuts the connection when its phase has taken too long.
  void check_deadline(Instant now);
  /// Closes an idle connection; any other one closes after its answer.
  void drain();
  void close();
  /// As PhaseClock::spare(); empty also while bytes have arrived that were not read yet: this client is not the one who waits.
  [[nodiscard]] std::optional<std::pair<bool, Instant::duration>> spare(Instant now) const;

  std::list<std::shared_ptr<Connection>>::iterator place;  ///< in the server's list

 private:
  void shake_hands();
  /// One read at a time: nothing while one is under way.
  void read();
  void on_read(std::size_t size);
  void on_end(const boost::system::error_code& error);
  void process_input();
  void hand_on();
  void refuse(const Problem& problem);
  void write();
  void on_written();
  void linger();

  std::shared_ptr<Server::Core> core_;  ///< before the transport, which uses its TLS
  Transport transport_;
  RequestReader reader_;
  PhaseClock clock_;
  std::unique_ptr<char[]> arriving_;  ///< what a read is filling
  bool reading_ = false;
  bool ended_ = false;  ///< the client has ended its side while it waits for an answer
  std::string input_;
  std::size_t input_begin_ = 0;  ///< what lies before it has been read
  std::string output_;
  std::uint64_t request_ = 0;  ///< counts requests, so that a late answer never meets the next one
  std::shared_ptr<std::atomic<std::uint64_t>> wanted_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);  ///< the request being handled
  bool head_ = false;
  bool keep_alive_ = true;
  bool draining_ = false;
  bool closed_ = false;
  std::size_t lingered_ = 0;
};

}  // namespace remuda::http
