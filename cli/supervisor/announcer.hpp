#pragma once
// What the supervisor tells people: lines of its processes and of its own go to the logs and to the audience, changes of state to
// the audience. It decides nothing.

#include <string>
#include <vector>

#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/log_store.hpp"
#include "cli/supervisor/output_collector.hpp"
#include "cli/supervisor/process_report.hpp"
#include "cli/supervisor/supervisor.hpp"
#include "common/clock.hpp"

namespace remuda::supervisor {

class Announcer {
 public:
  /// All of them must outlive the announcer; `facts` receives the last lines of each process.
  Announcer(const topology::Plan& plan, std::vector<ProcessFacts>& facts, Audience& audience, const Clock& clock,
            const std::string& logs_folder);

  /// What processes wrote.
  void lines(const std::vector<OutputCollector::Line>& lines);
  /// A line about a process that it did not write itself.
  void note(std::size_t process, LogLevel level, const std::string& text);
  /// A line of the supervisor itself.
  void say(LogLevel level, const std::string& text);
  /// Something about the topology as a whole.
  void tell(Progress::Kind kind, const std::string& text = {});
  /// The states that differ from what was last told; once, that everything is ready.
  void changes(const Fleet& fleet);

 private:
  const topology::Plan& plan_;
  std::vector<ProcessFacts>& facts_;
  Audience& audience_;
  const Clock& clock_;
  LogWriter logs_;
  std::vector<ProcessState> told_;
  Instant started_;
  bool all_ready_told_ = false;

  void publish(std::size_t process, const LogRecord& record);
  void change(std::size_t i, const Process& process, Instant now);
  [[nodiscard]] std::string name_of(std::size_t process) const;
};

}  // namespace remuda::supervisor
