#pragma once
// Kernel sockets for endpoints as ZeroMQ writes them: tcp://HOST:PORT, ipc:///PATH, ipc://@NAME. Never blocking, closed on exec.
// ipc accepts and reaches processes of this user only.

#include <string>
#include <string_view>

#include "common/descriptor.hpp"
#include "common/result.hpp"

namespace remuda::zmtp {

struct Listener {
  Descriptor socket;
  std::string endpoint;  ///< as bound: a port instead of `*`
  bool is_ipc = false;
  std::string path;  ///< of the file to remove in the end; empty: none
};

/// Loopback and ipc only, unless whoever connects `shows_keys`. Errors: as check_listen_endpoint (common/socket.hpp), and
/// `cannot_listen`.
Result<Listener> listen_at(const std::string& endpoint, bool shows_keys = false);

/// The next connection that waits, if there is one. `full`: the process has no descriptor left for it.
Descriptor accept_from(const Listener& listener, bool& full);

/// The address of the other side of a TCP connection, without its port.
std::string address_of_peer(int socket);

/// Tells a peer that it is not served and why, in the words of ZMTP, if it can be told without waiting.
void refuse_peer(int socket, std::string_view reason);

/// Begins to connect; writable means that it is done, and the first write tells how. Errors: `invalid_endpoint`, `unreachable`.
Result<Descriptor> begin_connect(const std::string& endpoint);

}  // namespace remuda::zmtp
