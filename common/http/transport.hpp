#pragma once
// What a connection reads from and writes to: a socket, or TLS on it. Which of the two is asked once a call, never once a byte.
// Internal to the server: knows Asio.

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>

namespace remuda::http {

class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using error_code = boost::system::error_code;

  /// `tls` null: without TLS.
  Transport(Socket socket, boost::asio::ssl::context* tls) : socket_{std::move(socket)}, encrypts_{tls != nullptr} {
    if (tls != nullptr) tls_.emplace(socket_, *tls);
  }

  /// Below TLS: for options, for looking, for closing.
  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] const Socket& socket() const { return socket_; }
  [[nodiscard]] bool encrypts() const { return encrypts_; }

  /// Only where it encrypts, and before anything else.
  template <class Handler>
  void handshake(Handler handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::move(handler));
  }
  /// What is read and written from now on is read and written without TLS.
  void stop_encrypting() { encrypts_ = false; }

  template <class Handler>
  void read_some(boost::asio::mutable_buffer into, Handler handler) {
    if (encrypts_) return tls_->async_read_some(into, std::move(handler));
    socket_.async_read_some(into, std::move(handler));
  }
  template <class Handler>
  void write(boost::asio::const_buffer bytes, Handler handler) {
    if (encrypts_) return boost::asio::async_write(*tls_, bytes, std::move(handler));
    boost::asio::async_write(socket_, bytes, std::move(handler));
  }

  /// Ends our side and calls `then`: what the client still sends can be read, without TLS.
  template <class Handler>
  void end_sending(Handler then) {
    if (!encrypts_) {
      error_code ignored;
      socket_.shutdown(Socket::shutdown_send, ignored);
      return then();
    }
    // That the client says the same in turn is not waited for here: it may still be sending, which is an error to TLS.
    tls_->async_shutdown([this, then = std::move(then)](error_code) mutable {
      encrypts_ = false;
      error_code ignored;
      socket_.shutdown(Socket::shutdown_send, ignored);
      then();
    });
  }

 private:
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;  ///< stays until the end: operations under way use it
  bool encrypts_;
};

}  // namespace remuda::http
