#include "cli/verbs/topic_rate.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_traffic.hpp"
#include "cli/channel_verbs.hpp"
#include "common/clock.hpp"
#include "common/socket.hpp"

namespace remuda::cli {

namespace {

struct RateOptions {
  BrokerOptions broker;
  std::string channel;
  int max = 0;
  std::chrono::milliseconds window{2'000};  // nodes tell their figures every second
  bool json = false;
};

ExitCode rate(Terminal& terminal, const RateOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  const SystemClock clock;
  const std::string kind = kind_of_channel(*access, options.channel);
  Result<std::uint64_t> before = carried(*access, options.channel, kind);
  Instant began = clock.now();
  for (int shown = 0; before && terminal.out.good() && (options.max <= 0 || shown < options.max); ++shown) {
    poll({}, options.window.count());
    const Result<std::uint64_t> now = carried(*access, options.channel, kind);
    if (!now) return refused(terminal, now.error());
    const Instant end = clock.now();
    // A node that was started again counts from the beginning.
    const std::uint64_t count = *now >= *before ? *now - *before : *now;
    const double seconds = std::chrono::duration<double>(end - std::exchange(began, end)).count();
    before = now;
    const double per_second = static_cast<double>(count) / seconds;
    if (options.json) {
      terminal.out << dump({{"channel", options.channel},
                            {"kind", kind},
                            {"messages", count},
                            {"seconds", seconds},
                            {"per_second", per_second}})
                   << '\n';
    } else {
      terminal.out << fmt::format("{:.1f} messages/s  ({} in {:.1f} s)\n", per_second, count, seconds);
    }
    terminal.out.flush();
  }
  return before ? ExitCode::done : refused(terminal, before.error());
}

}  // namespace

Command topic_rate() {
  auto options = std::make_shared<RateOptions>();
  return {.name = "hz",
          .summary = "How many messages come into a channel per second; any kind of channel",
          .details =
              "Topics, queues and streams are counted by their broker; pipes, requests and topics without a broker by the nodes "
              "that take "
              "from them.",
          .options = with_broker(options->broker, {{"CHANNEL", "The channel", &options->channel, true, {}, ValueKind::topic},
                                                   {"-n,--max", "End after so many lines", &options->max},
                                                   {"--window", "Count for so long each time (2s)", &options->window},
                                                   json_option(options->json)}),
          .run = [options](Terminal& terminal) { return rate(terminal, *options); }};
}

}  // namespace remuda::cli
