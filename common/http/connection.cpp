#include "common/http/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>

#include "common/http/response_writer.hpp"
#include "common/http/server_core.hpp"

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
    : socket_{std::move(socket)},
      core_{std::move(core)},
      reader_{core_->options.limits, core_->options.hosts},
      clock_{core_->options.deadlines, core_->clock.now()} {}

void Connection::begin() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
  read();
}

std::optional<std::pair<bool, Instant::duration>> Connection::spare(Instant now) const {
  auto spare = clock_.spare(now);
  error_code ignored;
  if (spare && clock_.phase() != Phase::closing && socket_.available(ignored) > 0) spare.reset();
  return spare;
}

void Connection::read() {
  const std::size_t size = input_.size();
  input_.resize(size + read_size);
  socket_.async_read_some(asio::buffer(input_.data() + size, read_size),
                          [self = shared_from_this(), size](error_code error, std::size_t got) {
                            self->input_.resize(size + got);
                            if (error || self->closed_) return self->close();
                            self->on_read(got);
                          });
}

void Connection::on_read(std::size_t size) {
  if (clock_.phase() == Phase::closing) {
    lingered_ += size;
    input_.clear();
    if (lingered_ > linger_size_max) return close();
    return read();
  }
  process_input();
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
      asio::async_write(socket_, asio::buffer(go_on.data(), go_on.size()),
                        [self = shared_from_this()](error_code error, std::size_t) {
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
  watch();
}

void Connection::watch() {
  if (closed_ || watching_ || clock_.phase() != Phase::handling || input_begin_ < input_.size()) return;
  watching_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
    self->watching_ = false;
    if (error || self->closed_ || self->clock_.phase() != Phase::handling) return;
    char next = 0;
    self->socket_.non_blocking(true, error);
    self->socket_.receive(asio::buffer(&next, 1), asio::ip::tcp::socket::message_peek, error);
    // Bytes are the next request of a client that pipelines: they stay where they are.
    if (error == asio::error::would_block) return self->watch();
    // Who has ended its side may still read; mostly it is gone.
    if (error == asio::error::eof) *self->wanted_ = 0;
    if (error && error != asio::error::eof) self->close();
  });
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
  asio::async_write(socket_, asio::buffer(output_), [self = shared_from_this()](error_code error, std::size_t) {
    if (error || self->closed_) return self->close();
    self->on_written();
  });
}

void Connection::on_written() {
  output_.clear();
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
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  input_.clear();
  input_begin_ = 0;
  read();
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
      if (reader_.in_request()) {
        std::string last;
        write_response(core_->refusal_of({408, "the request did not arrive in time", {}}), {false, false}, core_->date(), last);
        error_code ignored;
        socket_.non_blocking(true, ignored);
        socket_.write_some(asio::buffer(last), ignored);  // at most once, and never waited for: this client has had its time
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
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  core_->remove(*this);
}

}  // namespace remuda::http
