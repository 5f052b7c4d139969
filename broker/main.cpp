// remuda-broker, the queue node. See QUEUE.md for what it promises and ../common/PROTOCOL.md for how to talk to it.

#include <unistd.h>

#include <csignal>
#include <exception>
#include <new>
#include <string_view>

#include "broker/broker_loop.hpp"
#include "broker/options.hpp"
#include "common/log.hpp"

int main(int argc, char** argv) {
  const auto parsed = remuda::broker::parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  remuda::start_log(parsed.options->name, parsed.options->log_format, parsed.options->log_level);
  // Before any thread exists, so that all of them leave these to the loop.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    return remuda::broker::run_broker(*parsed.options);
  } catch (const std::bad_alloc&) {
    // Nothing that was not confirmed matters, and what was is on the disk. Without a log, which needs memory.
    constexpr std::string_view words = "remuda-broker: out of memory\n";
    return ::write(STDERR_FILENO, words.data(), words.size()) < 0 ? 2 : 1;
  } catch (const std::exception& error) {
    remuda::log_error("cannot start", {{"reason", error.what()}});
    return 1;
  }
}
