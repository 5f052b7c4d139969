#include "common/http/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ssl/error.hpp>

#include "common/http/response_writer.hpp"
#include "common/http/server_core.hpp"
#include "common/http/tls.hpp"

namespace remuda::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t read_size = 16'384;
constexpr std::size_t linger_size_max = 4 * 1'048'576;

}  // namespace

/// The one answer that is owed for one request.
class Responder::Pending {
 public:
  Pending(std::shared_ptr<Server::Core> core, std::weak_ptr<Connection> connection, std::uint64_t request,
          std::shared_ptr<std::atomic<std::uint64_t>> wanted)
      : core_{std::move(core)}, connection_{std::move(connection)}, request_{request}, wanted_{std::move(wanted)} {
    core_->handling.fetch_add(1, std::memory_order_relaxed);
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() {
    if (!answered_) answer(core_->refusal_of({500, "the request was dropped without an answer", {}}));
  }
  [[nodiscard]] bool is_wanted() const { return !answered_ && *wanted_ == request_; }

  void answer(Response response) {
    if (answered_.exchange(true)) return;
    core_->handling.fetch_sub(1, std::memory_order_relaxed);
    asio::dispatch(core_->loop, [connection = std::move(connection_), request = request_, response = std::move(response)] {
      if (const auto alive = connection.lock()) alive->answer(request, response);
    });
  }

 private:
  std::shared_ptr<Server::Core> core_;
  std::weak_ptr<Connection> connection_;
  std::uint64_t request_;
  std::shared_ptr<std::atomic<std::uint64_t>> wanted_;
  std::atomic<bool> answered_{false};
};

bool Responder::is_wanted() const {
  return pending_->is_wanted();
}

void Responder::operator()(Response response) const {
  pending_->answer(std::move(response));
}

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<Server::Core> core)
    : core_{std::move(core)},
      transport_{std::move(socket), core_->tls.get()},
      reader_{core_->options.limits, core_->options.hosts},
      clock_{core_->options.deadlines, core_->clock.now()},
      arriving_{std::make_unique_for_overwrite<char[]>(read_size)} {}

void Connection::begin() {
  error_code ignored;
  transport_.socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
  if (transport_.encrypts()) return shake_hands();
  read();
}

void Connection::shake_hands() {
  transport_.handshake([self = shared_from_this()](error_code error) {
    if (self->closed_) return;
    if (!error) return self->read();
    self->core_->refused.fetch_add(1, std::memory_order_relaxed);
    if (!is_plain_http(error)) return self->close();
    self->transport_.stop_encrypting();
    self->refuse({400, "this port speaks TLS: ask with https", {}});
  });
}

std::optional<std::pair<bool, Instant::duration>> Connection::spare(Instant now) const {
  auto spare = clock_.spare(now);
  error_code ignored;
  if (spare && clock_.phase() != Phase::closing && transport_.socket().available(ignored) > 0) spare.reset();
  return spare;
}

void Connection::read() {
  if (reading_) return;
  reading_ = true;
  transport_.read_some(asio::buffer(arriving_.get(), read_size), [self = shared_from_this()](error_code error, std::size_t got) {
    self->reading_ = false;
    if (self->closed_) return;
    if (error) return self->on_end(error);
    self->on_read(got);
  });
}

void Connection::on_read(std::size_t size) {
  switch (clock_.phase()) {
    case Phase::closing:
      lingered_ += size;
      if (lingered_ > linger_size_max) return close();
      return read();
    case Phase::handling:
    case Phase::writing:
      // The next request of a client that pipelines: it waits, and so does what comes after it.
      input_.append(arriving_.get(), size);
      return;
    case Phase::idle:
    case Phase::header:
    case Phase::body:
      input_.append(arriving_.get(), size);
      return process_input();
  }
}

void Connection::on_end(const error_code& error) {
  const bool is_orderly = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
  const bool owes_answer = clock_.phase() == Phase::handling || clock_.phase() == Phase::writing;
  if (!owes_answer || !is_orderly) return close();
  // Who has ended its side may still read; mostly it is gone.
  ended_ = true;
  *wanted_ = 0;
}

void Connection::process_input() {
  std::size_t consumed = 0;
  const auto progress = reader_.read(std::string_view{input_}.substr(input_begin_), consumed);
  input_begin_ += consumed;
  if (input_begin_ == input_.size()) {
    input_.clear();
    input_begin_ = 0;
  } else if (input_begin_ > read_size) {
    input_.erase(0, input_begin_);
    input_begin_ = 0;
  }
  switch (progress) {
    case RequestReader::Progress::complete:
      return hand_on();
    case RequestReader::Progress::refused:
      core_->refused.fetch_add(1, std::memory_order_relaxed);
      return refuse(reader_.problem());
    case RequestReader::Progress::wants_continue: {
      clock_.enter(Phase::body, core_->clock.now());
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      transport_.write(asio::buffer(go_on.data(), go_on.size()), [self = shared_from_this()](error_code error, std::size_t) {
        if (error || self->closed_) return self->close();
        self->read();
      });
      return;
    }
    case RequestReader::Progress::needs_more:
      if (reader_.in_request()) clock_.enter(reader_.header_is_complete() ? Phase::body : Phase::header, core_->clock.now());
      return read();
  }
}

void Connection::hand_on() {
  Request request = reader_.take();
  clock_.enter(Phase::handling, core_->clock.now());
  ++request_;
  head_ = request.method == "HEAD";
  keep_alive_ = request.keep_alive;
  *wanted_ = request_;
  core_->handler(std::move(request), Responder{std::make_shared<Responder::Pending>(core_, weak_from_this(), request_, wanted_)});
  // Until the answer one read may be under way, which tells when the client hangs up.
  if (!closed_ && clock_.phase() == Phase::handling && input_begin_ == input_.size()) read();
}

void Connection::answer(std::uint64_t request, const Response& response) {
  if (closed_ || request != request_ || clock_.phase() != Phase::handling) return;
  *wanted_ = 0;
  if (draining_) keep_alive_ = false;
  write_response(response, {head_, keep_alive_}, core_->date(), output_);
  write();
}

void Connection::refuse(const Problem& problem) {
  keep_alive_ = false;
  ++request_;
  write_response(core_->refusal_of(problem), {false, false}, core_->date(), output_);
  write();
}

void Connection::write() {
  clock_.enter(Phase::writing, core_->clock.now());
  transport_.write(asio::buffer(output_), [self = shared_from_this()](error_code error, std::size_t) {
    if (error || self->closed_) return self->close();
    self->on_written();
  });
}

void Connection::on_written() {
  output_.clear();
  if (ended_) return close();
  if (!keep_alive_ || draining_) return linger();
  clock_.enter(Phase::idle, core_->clock.now());
  if (input_begin_ < input_.size()) return process_input();  // the client pipelines
  read();
}

void Connection::linger() {
  if (draining_ && input_.empty()) return close();  // nothing unread: the answer is safe, and a server that ends does not wait
  // Closing with unread input resets the connection, and the reset may overtake the answer: so end our side, and read until the
  // client ends its own.
  clock_.enter(Phase::closing, core_->clock.now());
  input_.clear();
  input_begin_ = 0;
  transport_.end_sending([self = shared_from_this()] {
    if (!self->closed_) self->read();
  });
}

void Connection::check_deadline(Instant now) {
  if (closed_ || !clock_.is_over(now)) return;
  const Phase phase = clock_.phase();
  if (phase != Phase::idle && phase != Phase::closing) core_->timed_out.fetch_add(1, std::memory_order_relaxed);
  switch (phase) {
    case Phase::handling:
      return answer(request_, core_->refusal_of({504, "no answer in time", {}}));
    case Phase::header:
    case Phase::body:
      if (reader_.in_request() && !transport_.encrypts()) {  // TLS could not be sure to say it without waiting
        std::string last;
        write_response(core_->refusal_of({408, "the request did not arrive in time", {}}), {false, false}, core_->date(), last);
        error_code ignored;
        transport_.socket().non_blocking(true, ignored);
        transport_.socket().write_some(asio::buffer(last),
                                       ignored);  // at most once, and never waited for: this client has had its time
      }
      return close();
    case Phase::idle:
    case Phase::writing:
    case Phase::closing:
      return close();
  }
}

void Connection::drain() {
  draining_ = true;
  if (clock_.phase() == Phase::idle || (clock_.phase() == Phase::header && !reader_.in_request())) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  *wanted_ = 0;
  error_code ignored;
  transport_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  transport_.socket().close(ignored);
  core_->remove(*this);
}

}  // namespace remuda::http
