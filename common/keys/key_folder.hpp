#pragma once
// A folder of keys, and nothing else in it: what a machine is known by and whom its queue node knows. Described in KEYS.md.
//
//   server.key   the queue node's own key pair, secret       client.key   this machine's key pair, secret
//   server.pub   what clients must expect of the server      clients      NAME KEY ROLE PATTERN[,PATTERN...], one a line
//
// The folder must be 0700 and its files 0600, of this user; everything else is refused (`unsafe_keys`), not repaired: whoever could
// read a secret until now may have done so. Links are not followed.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/keys/roles.hpp"
#include "common/result.hpp"
#include "common/zmtp/curve.hpp"

namespace remuda::keys {

struct KnownClient {
  std::string name;
  std::string key;  ///< as text
  Role role = Role::observer;
  std::vector<std::string> patterns{"*"};  ///< names of queues, topics and streams
  bool revoked = false;                    ///< kept, so that its tries can be told from those of strangers
};

class KeyFolder {
 public:
  explicit KeyFolder(std::string path) : path_{std::move(path)} {}
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Creates the folder, 0700. Errors: `failed`; a folder that is there is checked.
  Result<void> create() const;
  /// Errors of all that read: `no_keys` (with the command that makes them), `unsafe_keys`, `bad_keys` (with file and line).
  [[nodiscard]] Result<void> check() const;
  [[nodiscard]] Result<zmtp::CurveKeyPair> server_keys() const;
  [[nodiscard]] Result<zmtp::CurveKeyPair> client_keys() const;
  [[nodiscard]] Result<zmtp::CurveKey> server_public_key() const;
  [[nodiscard]] Result<std::vector<KnownClient>> clients() const;
  [[nodiscard]] bool has(std::string_view file) const;

  /// Each replaces the file in one step, synced. Errors: `failed`.
  Result<void> write_server(const zmtp::CurveKeyPair& keys) const;  ///< server.key and server.pub
  Result<void> write_client(const zmtp::CurveKeyPair& keys) const;
  Result<void> write_server_public(const zmtp::CurveKey& key) const;
  Result<void> write_clients(const std::vector<KnownClient>& clients) const;

  /// Changes whenever the list of clients does; 0: it cannot be looked at.
  [[nodiscard]] std::uint64_t clients_version() const;

 private:
  [[nodiscard]] Result<std::string> read(std::string_view file) const;
  Result<void> write(std::string_view file, std::string_view text) const;
  [[nodiscard]] Result<zmtp::CurveKeyPair> read_pair(std::string_view file) const;
  std::string path_;
};

/// The folder that REMUDA_KEYS names; nothing when it is not set.
std::optional<KeyFolder> folder_from_environment();
/// What this process shows a queue node beyond ipc, from REMUDA_KEYS; null when that is not set. Throws std::runtime_error with the
/// remedy when the folder cannot be used: going on in the clear would be worse.
std::shared_ptr<const zmtp::CurveClient> client_from_environment();

/// The list of clients as a queue node uses it: looked at again whenever the file changes.
class ClientList {
 public:
  /// Errors: those of KeyFolder, and `no_clients` when the list is empty: a server that nobody may talk to is a mistake.
  static Result<ClientList> open(KeyFolder folder);
  /// True when it changed. A list that cannot be read any more changes nothing; `problem` says so then, once.
  bool refresh(std::string& problem);
  /// Null: not known, or revoked; `why` is a line for the peer and the log.
  [[nodiscard]] const KnownClient* find(std::string_view key, std::string& why) const;
  [[nodiscard]] std::size_t size() const { return clients_.size(); }

 private:
  explicit ClientList(KeyFolder folder) : folder_{std::move(folder)} {}
  KeyFolder folder_;
  std::optional<std::uint64_t> version_;
  std::map<std::string, KnownClient, std::less<>> clients_;  ///< by key
};

}  // namespace remuda::keys
