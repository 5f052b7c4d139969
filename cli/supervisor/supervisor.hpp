#pragma once
// The supervisor: one process that starts the processes of a topology, keeps them running, keeps their logs and answers the
// command line. The shell around Fleet: it waits for events (a process ended, a heartbeat, output, a command, a signal, a
// deadline), hands them to the fleet and carries its actions out. It never polls and never sleeps.
//
// It works only on this machine's processes. It keeps nothing that must survive it: started again it starts everything again.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/supervisor/log_record.hpp"
#include "cli/supervisor/registry.hpp"
#include "cli/supervisor/spawner.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

/// Something to tell people while it happens.
struct Progress {
  enum class Kind {
    started,     ///< the supervisor answers commands and begins to start `count` processes
    ready,       ///< a process is ready; `milliseconds` since it was started
    all_ready,   ///< everything is; `milliseconds` since the start of the supervisor
    restarting,  ///< a process ended by itself and is started again after `milliseconds`
    failed,      ///< a process is held; `last_lines` are what it wrote
    stopping,    ///< everything is being stopped
    stopped,     ///< a process ended because it was asked to
  };
  Kind kind = Kind::ready;
  std::string process;    ///< `accounting/1`; empty when it is about everything
  std::string node_kind;  ///< "broker" or "node"
  std::int64_t milliseconds = 0;
  std::size_t count = 0;
  std::string text;  ///< why
  std::vector<LogRecord> last_lines;
};

/// Where the supervisor's events go: the terminal it was started on, or the process that waits for it.
class Audience {
 public:
  Audience() = default;
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;
  virtual ~Audience() = default;
  virtual void on_progress(const Progress& progress) = 0;
  virtual void on_line(const LogRecord& record) = 0;
};

struct SupervisorOptions {
  topology::Plan plan;                   ///< its processes are those of this machine
  std::vector<std::string> executables;  ///< absolute path per process of the plan
  TopologyEntry entry;                   ///< written to the registry, with this process's pid, once commands are answered
  Registry registry;
  FileDescriptor name_lock;  ///< from Registry::take; given back before `down` is answered, so that `up` may follow at once
  std::vector<std::string> environment;  ///< what every process gets: the allow list, `NAME=value`
  /// In the foreground: return when every process has ended by itself. Detached it stays, so that `ps` can say why.
  bool ends_with_its_processes = true;
};

/// The environment that processes of a topology inherit: a fixed list of names (PATH, HOME, LANG, ...), nothing else.
std::vector<std::string> allowed_environment();

/// Runs until everything is stopped by `down`, a signal, or because all processes ended. `spawner` must have been started before
/// any thread. A first SIGINT, SIGTERM or SIGHUP stops in order (done); a second SIGINT or SIGTERM ends everything at once
/// (interrupted). `failed` when processes ended by themselves and none is left.
cli::ExitCode supervise(SupervisorOptions options, std::unique_ptr<Spawner> spawner, Audience& audience);

}  // namespace remuda::supervisor
