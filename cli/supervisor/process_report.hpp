#pragma once
// What `ps` says about one process: the fleet's knowledge and what the process itself last reported.

#include <deque>
#include <string>

#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/log_record.hpp"
#include "common/control.hpp"

namespace remuda::supervisor {

/// What the shell remembers of a process beside its state.
struct ProcessFacts {
  static constexpr std::size_t last_lines_max = 20;
  std::string routing_id;  ///< on the control socket; empty: it has not said hello
  std::string version;
  std::string launched_program;  ///< absolute: what the launch file names
  std::string program;           ///< what runs, or would be started
  std::string wanted_program;    ///< what was last asked for and worked: of the launch file, or of a swap
  ControlReport report;
  std::deque<LogRecord> last_lines;  ///< since its last start
  std::string last_error;            ///< the last line at level error, else the last warning, since its last start
  bool last_error_is_error = false;

  void remember(const LogRecord& record);
  /// A new process begins: what the old one reported is past, what it said last stays until the new one fails, too.
  void begin();
};

/// One JSON object with the fields of DESIGN §5 and more.
std::string process_as_json(const std::string& topology, const Process& process, const ProcessFacts& facts, bool waits_to_start,
                            Instant now);
/// One sentence for people: why it is not ready, or does not get on. Empty when all is well.
std::string why_not_ready(const Process& process, const ProcessFacts& facts, bool waits_to_start, Instant now);

}  // namespace remuda::supervisor
