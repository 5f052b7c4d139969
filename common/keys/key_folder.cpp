#include "common/keys/key_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "common/keys/secret_file.hpp"

namespace remuda::keys {

namespace {

constexpr mode_t others = S_IRWXG | S_IRWXO;

Failure<Error> unsafe(const std::string& path, const std::string& what, const std::string& remedy) {
  return fail("unsafe_keys", path + ": " + what + "; " + remedy);
}
Failure<Error> bad(const std::string& path, std::size_t line, const std::string& what) {
  return fail("bad_keys", path + ":" + std::to_string(line) + ": " + what);
}
Failure<Error> system_failure(const std::string& path) {
  return fail("failed", path + ": " + std::strerror(errno));
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in{text};
  for (std::string part; std::getline(in, part, ',');) parts.push_back(std::move(part));
  return parts;
}

/// A line of `clients`.
Result<KnownClient> client_of(const std::vector<std::string>& words, const std::string& path, std::size_t line) {
  if (words.size() != 4) return bad(path, line, "NAME KEY ROLE PATTERN[,PATTERN...] is expected");
  KnownClient client;
  client.name = words[0];
  client.key = words[1];
  if (!zmtp::curve_key_from(client.key)) return bad(path, line, "'" + client.key + "' is no key; a key has 40 characters");
  client.patterns = split(words[3]);
  client.revoked = words[2] == "revoked";
  if (client.revoked) return client;
  const auto role = role_from(words[2]);
  if (!role) return bad(path, line, "'" + words[2] + "' is no role; roles are observer, node, operator, admin (or revoked)");
  client.role = *role;
  return client;
}

}  // namespace

// ---- the folder ----

Result<void> KeyFolder::create() const {
  if (::mkdir(path_.c_str(), S_IRWXU) != 0 && errno != EEXIST) return system_failure(path_);
  return check();
}

Result<void> KeyFolder::check() const {
  struct stat info {};
  if (::lstat(path_.c_str(), &info) != 0) {
    if (errno == ENOENT)
      return fail("no_keys", "there is no folder " + path_ + "; `remuda keys init --keys " + path_ + "` makes it");
    return system_failure(path_);
  }
  if (!S_ISDIR(info.st_mode)) return unsafe(path_, "is no folder", "name the folder that `remuda keys init` made");
  if (info.st_uid != geteuid()) return unsafe(path_, "belongs to another user", "use a folder of your own");
  if ((info.st_mode & others) != 0) {
    return unsafe(path_, "others may look into the folder of keys",
                  "`chmod 700 " + path_ + "`, and `remuda keys rotate` if others were here");
  }
  return {};
}

bool KeyFolder::has(std::string_view file) const {
  struct stat info {};
  return ::lstat((path_ + "/").append(file).c_str(), &info) == 0;
}

Result<std::string> KeyFolder::read(std::string_view file) const {
  if (auto safe = check(); !safe) return Failure{safe.error()};
  return read_secret((path_ + "/").append(file),
                     {"`remuda keys init` makes it for a queue node, `remuda keys add-host` for a client",
                      "`remuda keys rotate` if it is a secret that others could read"});
}

Result<void> KeyFolder::write(std::string_view file, std::string_view text) const {
  if (auto safe = check(); !safe) return safe;
  return write_secret((path_ + "/").append(file), text);
}

// ---- its files ----

Result<zmtp::CurveKeyPair> KeyFolder::read_pair(std::string_view file) const {
  const auto text = read(file);
  if (!text) return Failure{text.error()};
  const auto words = words_of(*text);
  const auto public_key = words.size() == 4 && words[0] == "public" ? zmtp::curve_key_from(words[1]) : std::nullopt;
  const auto secret_key = words.size() == 4 && words[2] == "secret" ? zmtp::curve_key_from(words[3]) : std::nullopt;
  if (!public_key || !secret_key)
    return bad((path_ + "/").append(file), 1, "'public KEY' and 'secret KEY' are expected, a line each");
  return zmtp::CurveKeyPair{*public_key, zmtp::SecretKey{*secret_key}};
}

Result<zmtp::CurveKeyPair> KeyFolder::server_keys() const {
  return read_pair("server.key");
}
Result<zmtp::CurveKeyPair> KeyFolder::client_keys() const {
  return read_pair("client.key");
}

Result<zmtp::CurveKey> KeyFolder::server_public_key() const {
  const auto text = read("server.pub");
  if (!text) return Failure{text.error()};
  const auto words = words_of(*text);
  const auto key = words.size() == 1 ? zmtp::curve_key_from(words[0]) : std::nullopt;
  if (!key) return bad(path_ + "/server.pub", 1, "the public key of the server is expected, 40 characters");
  return *key;
}

Result<std::vector<KnownClient>> KeyFolder::clients() const {
  const auto text = read("clients");
  if (!text) return Failure{text.error()};
  std::vector<KnownClient> clients;
  std::istringstream in{*text};
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    auto client = client_of(words, path_ + "/clients", number);
    if (!client) return Failure{client.error()};
    clients.push_back(*std::move(client));
  }
  return clients;
}

namespace {
std::string pair_text(const zmtp::CurveKeyPair& keys) {
  zmtp::CurveKey secret{};
  std::memcpy(secret.data(), keys.secret_key.data(), secret.size());
  return "public " + zmtp::text_of(keys.public_key) + "\nsecret " + zmtp::text_of(secret) + "\n";
}
}  // namespace

Result<void> KeyFolder::write_server(const zmtp::CurveKeyPair& keys) const {
  if (auto written = write("server.key", pair_text(keys)); !written) return written;
  return write_server_public(keys.public_key);
}
Result<void> KeyFolder::write_client(const zmtp::CurveKeyPair& keys) const {
  return write("client.key", pair_text(keys));
}
Result<void> KeyFolder::write_server_public(const zmtp::CurveKey& key) const {
  return write("server.pub", zmtp::text_of(key) + "\n");
}

Result<void> KeyFolder::write_clients(const std::vector<KnownClient>& clients) const {
  std::string text =
      "# NAME KEY ROLE PATTERN[,PATTERN...]   written by `remuda keys`; a queue node reads it again within a second\n";
  for (const KnownClient& client : clients) {
    text += client.name + " " + client.key + " " + std::string{client.revoked ? "revoked" : name_of(client.role)} + " ";
    for (std::size_t i = 0; i < client.patterns.size(); ++i) text += (i == 0 ? "" : ",") + client.patterns[i];
    text += "\n";
  }
  return write("clients", text);
}

std::uint64_t KeyFolder::clients_version() const {
  return version_of_file(path_ + "/clients");
}

// ---- this process ----

std::optional<KeyFolder> folder_from_environment() {
  const char* path = std::getenv("REMUDA_KEYS");
  if (path == nullptr || *path == '\0') return std::nullopt;
  return KeyFolder{path};
}

std::shared_ptr<const zmtp::CurveClient> client_from_environment() {
  const auto folder = folder_from_environment();
  if (!folder) return nullptr;
  auto keys = folder->client_keys();
  if (!keys) throw std::runtime_error{"REMUDA_KEYS: " + keys.error().message};
  const auto server = folder->server_public_key();
  if (!server) throw std::runtime_error{"REMUDA_KEYS: " + server.error().message};
  return std::make_shared<const zmtp::CurveClient>(zmtp::CurveClient{*std::move(keys), *server});
}

Result<ClientList> ClientList::open(KeyFolder folder) {
  ClientList list{std::move(folder)};
  std::string problem;
  list.refresh(problem);
  if (!problem.empty()) return fail("bad_keys", problem);
  if (list.clients_.empty())
    return fail("no_clients", list.folder_.path() + "/clients names nobody; `remuda keys add-host NAME` lets a host in");
  return list;
}

bool ClientList::refresh(std::string& problem) {
  const std::uint64_t version = folder_.clients_version();
  if (version == version_) return false;
  version_ = version;
  auto clients = folder_.clients();
  if (!clients) {
    problem = clients.error().message;
    return false;
  }
  clients_.clear();
  for (KnownClient& client : *clients) {
    std::string key = client.key;
    clients_.insert_or_assign(std::move(key), std::move(client));
  }
  return true;
}

const KnownClient* ClientList::find(std::string_view key, std::string& why) const {
  const auto found = clients_.find(key);
  if (found == clients_.end()) {
    why = "the client key " + std::string{key} +
          " is not known here; `remuda keys add-host NAME` on the queue node's machine lets a host in";
    return nullptr;
  }
  if (found->second.revoked) {
    why = "the key of '" + found->second.name + "' was revoked; `remuda keys rotate " + found->second.name + "` makes a new one";
    return nullptr;
  }
  return &found->second;
}

}  // namespace remuda::keys
