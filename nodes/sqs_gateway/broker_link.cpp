#include "nodes/sqs_gateway/broker_link.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace remuda::sqs {
namespace {

constexpr std::chrono::seconds answer_within{10};
/// Of the 64 that the queue node allows: a receive that was just answered may still count there.
constexpr std::size_t waiting_per_connection = 48;

}  // namespace

BrokerLink::BrokerLink(std::string endpoint, ClientIdentity identity, const Clock& clock)
    : endpoint_{std::move(endpoint)},
      identity_{std::move(identity)},
      clock_{clock},
      wake_fd_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)},
      client_{std::make_unique<BrokerClient>(endpoint_, identity_, clock_)} {
  if (wake_fd_ < 0) throw std::runtime_error{"no descriptor is left to wake the broker's thread with"};
  client_->set_deadline(answer_within);
}

BrokerLink::~BrokerLink() {
  stop();
  close(wake_fd_);
}

void BrokerLink::start() {
  // Signals belong to the thread that runs the node: a new thread inherits the mask that is set while it is made.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void BrokerLink::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  post([] {});
  thread_.join();
}

void BrokerLink::post(std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock{mutex_};
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  // The counter cannot be full: it is read whenever something was posted.
  if (first) [[maybe_unused]]
    const auto written = write(wake_fd_, &one, sizeof one);
}

void BrokerLink::receive(const ReceiveCommand& command, Callback<Received> done) {
  auto free = std::find_if(receivers_.begin(), receivers_.end(),
                           [](const auto& receiver) { return receiver->waiting < waiting_per_connection; });
  if (free == receivers_.end()) {
    receivers_.push_back(std::make_unique<Receiver>());
    free = receivers_.end() - 1;
    (*free)->client = std::make_unique<BrokerClient>(endpoint_, identity_, clock_);
  }
  auto& receiver = **free;
  ++receiver.waiting;
  receiver.client->receive(
      command.queue, command.max, command.wait,
      [&receiver, done = std::move(done)](const Result<Received>& received) {
        --receiver.waiting;
        done(received);
      },
      command.visibility_timeout, command.attempt_id);
}

void BrokerLink::cancel_receives() {
  for (const auto& receiver : receivers_) receiver->client->cancel_receives();
}

void BrokerLink::at(Instant when, std::function<void()> task) {
  timers_.push_back({when, std::move(task)});
}

void BrokerLink::run() {
  while (!stopping_) {
    run_posted();
    run_timers();
    client_->tick();
    for (std::size_t i = 0; i < receivers_.size(); ++i) receivers_[i]->client->tick();  // a callback may add one
    rest();
  }
}

void BrokerLink::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_fd_, &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock{mutex_};
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

void BrokerLink::run_timers() {
  const auto now = clock_.now();
  const auto due = std::partition(timers_.begin(), timers_.end(), [&](const Timer& timer) { return timer.when > now; });
  std::vector<Timer> ready{std::make_move_iterator(due), std::make_move_iterator(timers_.end())};
  timers_.erase(due, timers_.end());
  for (const auto& timer : ready) timer.task();
}

void BrokerLink::rest() {
  auto deadline = client_->next_deadline();
  items_.clear();
  items_.push_back({nullptr, wake_fd_, ZMQ_POLLIN, 0});
  client_->append_poll_items(items_);
  for (const auto& receiver : receivers_) {
    receiver->client->append_poll_items(items_);
    deadline = std::min(deadline, receiver->client->next_deadline());
  }
  for (const auto& timer : timers_) deadline = std::min(deadline, timer.when);
  long timeout_ms = -1;
  if (deadline != Instant::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.now());
    timeout_ms = static_cast<long>(std::max<std::int64_t>(left.count(), 0));
  }
  poll(items_, timeout_ms);
}

}  // namespace remuda::sqs
