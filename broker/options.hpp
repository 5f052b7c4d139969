#pragma once
// The command line of the queue node.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/background_scrub.hpp"
#include "common/log.hpp"

namespace remuda::broker {

struct Options {
  std::string name = "main";
  std::vector<std::string> listen{"tcp://127.0.0.1:5550"};
  std::string data_folder;
  std::string keys_folder;       ///< empty: no keys, so only loopback and ipc
  std::string definitions_file;  ///< empty: only what is declared over the wire
  std::string control_endpoint;  ///< the supervisor's; empty: it runs alone
  LogFormat log_format = LogFormat::automatic;
  LogLevel log_level = LogLevel::info;
  std::uint32_t segment_size_bytes = 64U << 20U;
  // limits
  int connections_max = 0;                         ///< 0: 10,000, or as many as the process may have descriptors for
  int connections_per_address_max = 0;             ///< 0: no limit of its own
  int waiting_receives_max = 64;                   ///< per connection
  std::uint64_t peer_buffer_bytes = 16ULL << 20U;  ///< what a client that does not read may leave unsent
  std::chrono::microseconds busy_wait_max{300};
  std::uint64_t body_cache_bytes = 256ULL << 20U;
  BackgroundScrub::Pace scrub{4ULL << 20U, std::chrono::hours{24}};
  bool salvage = false;
};

/// What argv came to: options to run with, or the exit code of a command line that is answered already (--help, --version,
/// --describe: 0; wrong usage: 2).
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};
ParsedOptions parse_options(int argc, const char* const* argv);

}  // namespace remuda::broker
