#include "common/runtime/stop_signals.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <stdexcept>

namespace remuda {
namespace {

// Signal handlers can only reach what has static lifetime, and only touch it lock-free.
std::atomic<int> interrupts{0};
std::atomic<int> terminations{0};
std::atomic<int> wake_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  const int saved = errno;
  if (number == SIGINT && interrupts.fetch_add(1) > 0) _exit(130);
  if (number == SIGTERM) terminations.fetch_add(1);
  const std::uint64_t one = 1;
  static_cast<void>(!write(wake_fd.load(), &one, sizeof one));
  errno = saved;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  interrupts = 0;
  terminations = 0;
  wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) throw std::runtime_error{"No descriptor is left for signals: raise the limit of open files (ulimit -n)."};
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
  handle(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  handle(SIGINT, SIG_DFL);
  // The process ends already: told so a second time, by signal after word, it must not end as one that was killed.
  handle(SIGTERM, SIG_IGN);
  close(wake_fd.exchange(-1));
}

int StopSignals::fd() const {
  return wake_fd.load();
}
bool StopSignals::asked() const {
  return interrupts.load() > 0 || terminations.load() > 0;
}
bool StopSignals::by_user() const {
  return interrupts.load() > 0;
}

}  // namespace remuda
