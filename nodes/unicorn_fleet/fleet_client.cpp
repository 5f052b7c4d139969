#include "nodes/unicorn_fleet/fleet_client.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace remuda::rides {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::error_code;
using std::chrono::steady_clock;

http::Endpoint target_of(const Parameters& parameters) {
  auto target = http::parse_endpoint(parameters.text("target"));
  if (!target) throw std::invalid_argument{"parameter target: " + target.error().message};
  return *std::move(target);
}

struct FleetClient::State {
  FleetOptions options;
  Source source;
  Accepted accepted;
  asio::io_context loop{1};
  std::vector<std::shared_ptr<Connection>> connections;
  std::function<void()> finished;
  std::thread thread;
  FleetReport report;
  steady_clock::time_point began;
  std::int64_t next_ride = 0;
  int busy = 0;  ///< connections that still have a ride or may get one
  bool stopping = false;
};

/// One kept-alive connection: takes a ride, sends it until it is answered, takes the next.
class FleetClient::Connection : public std::enable_shared_from_this<FleetClient::Connection> {
 public:
  Connection(FleetClient& client, State& state) : client_{client}, state_{state}, stream_{state.loop}, timer_{state.loop} {}

  void next_ride() {
    if (state_.stopping || state_.next_ride >= state_.options.rides) return finish();
    index_ = state_.next_ride++;
    planned_ = state_.source(index_);
    request_ = {beast::http::verb::post, state_.options.path, 11};
    request_.set(beast::http::field::host, state_.options.target.text());
    request_.set(beast::http::field::content_type, state_.options.content_type);
    request_.set("Idempotency-Key", state_.options.run + "-" + std::to_string(index_));
    request_.body() = planned_.json;
    request_.prepare_payload();
    delay_ = first_delay;
    if (state_.options.rate <= 0) return begin_ride();
    const auto due = state_.began + std::chrono::duration_cast<steady_clock::duration>(
                                        std::chrono::duration<double>(static_cast<double>(index_) / state_.options.rate));
    timer_.expires_at(due);
    timer_.async_wait([self = shared_from_this(), due](error_code) {
      if (self->state_.stopping) return self->finish();  // it was never sent
      self->begin_ride(due);
    });
  }

  /// What is under way is still answered.
  void wait_no_longer() { timer_.cancel(); }

 private:
  static constexpr std::chrono::milliseconds first_delay{50};
  static constexpr std::chrono::milliseconds last_delay{1'000};

  FleetClient& client_;
  State& state_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  beast::http::request<beast::http::string_body> request_;
  std::optional<beast::http::response_parser<beast::http::string_body>> response_;
  PlannedRide planned_;
  std::int64_t index_ = 0;
  steady_clock::time_point ride_began_;
  std::chrono::milliseconds delay_{first_delay};
  bool connected_ = false;

  void begin_ride(steady_clock::time_point due = steady_clock::time_point::max()) {
    // Who is not patient waits from when it wanted to, be it that no connection was free then.
    ride_began_ = state_.options.retry ? steady_clock::now() : std::min(due, steady_clock::now());
    attempt();
  }

  void attempt() {
    if (state_.stopping) return give_up();
    stream_.expires_after(state_.options.timeout);
    if (connected_) return write();
    const asio::ip::tcp::endpoint target{asio::ip::make_address(state_.options.target.host), state_.options.target.port};
    stream_.async_connect(target, [self = shared_from_this()](error_code error) {
      if (error) return self->retry();
      error_code ignored;
      self->stream_.socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
      self->buffer_.clear();
      self->connected_ = true;
      self->write();
    });
  }

  void write() {
    beast::http::async_write(stream_, request_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->retry();
      self->read();
    });
  }

  void read() {
    response_.emplace();
    response_->body_limit(1'048'576);
    beast::http::async_read(stream_, buffer_, *response_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->retry();
      self->answered();
    });
  }

  void answered() {
    const auto& response = response_->get();
    if (!response.keep_alive()) disconnect();
    const auto status = response.result_int();
    if (status >= 500 || status == 408 || status == 429) {
      if (!state_.options.retry) ++state_.report.failures[static_cast<int>(status)];
      return retry_later();
    }
    if (status >= 200 && status <= 202) {
      ++state_.report.accepted;
      const auto latency = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - ride_began_).count();
      state_.report.latencies_us.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(latency, UINT32_MAX)));
      const auto location = response[beast::http::field::location];
      state_.accepted(std::string{location.substr(location.rfind('/') + 1)}, planned_);
    } else {
      ++state_.report.refused;
    }
    client_.answered_.fetch_add(1, std::memory_order_relaxed);
    next_ride();
  }

  void disconnect() {
    connected_ = false;
    error_code ignored;
    stream_.socket().close(ignored);
  }

  void retry() {
    disconnect();
    if (!state_.options.retry) ++state_.report.failures[0];
    retry_later();
  }

  void retry_later() {
    if (!state_.options.retry) return next_after_failure();
    if (state_.stopping || steady_clock::now() - ride_began_ >= state_.options.give_up) return give_up();
    ++state_.report.retries;
    client_.retries_.fetch_add(1, std::memory_order_relaxed);
    // Spread by index, so that connections that failed together do not come back together.
    timer_.expires_after(delay_ + delay_ * (index_ % 8) / 8);
    delay_ = std::min(delay_ * 2, last_delay);
    timer_.async_wait([self = shared_from_this()](error_code) { self->attempt(); });
  }

  void give_up() {
    disconnect();
    next_after_failure();
  }

  void next_after_failure() {
    ++state_.report.unanswered;
    client_.answered_.fetch_add(1, std::memory_order_relaxed);
    next_ride();
  }

  void finish() {
    disconnect();
    if (--state_.busy > 0) return;
    state_.report.rides = state_.options.rides;
    state_.report.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - state_.began);
    state_.finished();
  }
};

FleetClient::FleetClient(FleetOptions options, Source source, Accepted accepted) : state_{std::make_unique<State>()} {
  state_->options = std::move(options);
  state_->source = std::move(source);
  state_->accepted = [state = state_.get(), told = std::move(accepted)](const std::string& id, const PlannedRide& planned) {
    if (planned.ride) {
      state->report.fares += planned.ride->fare;
      state->report.extraordinary += is_extraordinary(*planned.ride) ? 1 : 0;
      state->report.poison += planned.ride->customer == "poison" ? 1 : 0;
    }
    told(id, planned);
  };
}

FleetClient::~FleetClient() {
  state_->loop.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

void FleetClient::start(std::function<void()> finished) {
  State& state = *state_;
  state.finished = std::move(finished);
  state.began = steady_clock::now();
  state.busy = std::max(state.options.connections, 1);
  for (int i = 0; i < state.busy; ++i) state.connections.push_back(std::make_shared<Connection>(*this, state));
  // Connections start on the loop's thread, which owns them.
  asio::post(state.loop, [&state] {
    for (const auto& connection : state.connections) connection->next_ride();
  });
  // Signals belong to the thread that runs the node.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  state.thread = std::thread{[&state] { state.loop.run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void FleetClient::stop() {
  asio::post(state_->loop, [state = state_.get()] {
    state->stopping = true;
    for (const auto& connection : state->connections) connection->wait_no_longer();
  });
}

FleetReport& FleetClient::report() {
  return state_->report;
}

}  // namespace remuda::rides
