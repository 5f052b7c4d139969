#pragma once
// The output of all processes: pipes in, whole lines out. A line of one process is never mixed with another's.

#include <zmq.h>

#include <map>
#include <string>
#include <vector>

#include "cli/supervisor/log_record.hpp"
#include "cli/supervisor/spawner.hpp"
#include "common/result.hpp"

namespace remuda::supervisor {

class OutputCollector {
 public:
  struct Line {
    std::size_t process = 0;
    bool from_stderr = false;
    std::string text;
  };
  /// The ends for a new process to write into. What an earlier process of that number still had to say is lost:
  /// call finish() before.
  struct WritingEnds {
    FileDescriptor standard_output;
    FileDescriptor standard_error;
  };
  Result<WritingEnds> open(std::size_t process);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const;
  /// Takes what is waiting, at most 64 KiB per pipe, so that one noisy process does not hold up the rest.
  std::vector<Line> on_readable();
  /// The process has ended: its last lines, also an unfinished one; its pipes are closed.
  std::vector<Line> finish(std::size_t process);

 private:
  struct Pipe {
    FileDescriptor fd;
    LineSplitter splitter;
  };
  using Key = std::pair<std::size_t, bool>;  // process, from_stderr
  std::map<Key, Pipe> pipes_;

  static bool read_some(const Key& key, Pipe& pipe, std::vector<Line>& lines);
};

}  // namespace remuda::supervisor
