#pragma once
// How the command line talks to a running supervisor: a unix socket with mode 0600 in the registry folder, JSON lines. One request
// per connection, `{"do": "stop", "nodes": ["accounting"]}`, one answer, `{"ok": true, "processes": [...]}` or `{"ok": false,
// "code": ..., "message": ...}`, which may come late: `stop` answers when the processes have ended.

#include <zmq.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/spawner.hpp"
#include "common/result.hpp"

namespace remuda::supervisor {

struct CommandRequest {
  std::uint64_t connection = 0;
  std::string json;
};

class CommandServer {
 public:
  static constexpr std::size_t request_size_max = 64 * 1024;
  static constexpr std::size_t connections_max = 64;

  /// Replaces a socket that a killed supervisor left behind; the caller holds the topology's lock. Errors: `failed`.
  static Result<CommandServer> listen(const std::string& path);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const;
  /// Takes what is waiting; complete requests come back. A peer that sends something else than one line is dropped.
  std::vector<CommandRequest> on_readable();
  /// Answers and closes; nothing happens when the asker is gone.
  void answer(std::uint64_t connection, const std::string& json);

 private:
  struct Connection {
    FileDescriptor fd;
    std::string received;
    bool asked = false;
  };
  explicit CommandServer(FileDescriptor listener) : listener_{std::move(listener)} {}
  FileDescriptor listener_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t next_connection_ = 1;
};

/// The other end: one request, one answer. Errors: `not_running` when nobody listens, `timed_out`.
Result<std::string> ask_supervisor(const std::string& socket_path, const std::string& json, int timeout_ms);

}  // namespace remuda::supervisor
