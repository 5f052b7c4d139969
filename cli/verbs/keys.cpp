// remuda keys init, add-host, rotate, revoke, show: who may talk to a queue node from beyond this machine. See common/keys/KEYS.md.
// Tokens for HTTP servers are in keys_token.cpp.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/table.hpp"
#include "cli/verbs/keys_token.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/keys/key_folder.hpp"

namespace remuda::cli {

namespace {

using keys::KeyFolder;
using keys::KnownClient;
using nlohmann::ordered_json;

struct KeysOptions {
  std::optional<std::string> folder;
  std::string name;
  std::string role = "node";
  std::string patterns = "*";
  std::optional<std::string> out;
  bool yes = false;
  bool json = false;
};
using Shared = std::shared_ptr<KeysOptions>;
using Clients = std::vector<KnownClient>;

ExitCode refused(const Terminal& terminal, const Error& error) {
  const bool wrong = error.code == "wrong_usage";
  return terminal.problem(wrong ? ExitCode::wrong_usage : ExitCode::failed, error.code + ": " + error.message,
                          "`remuda keys --help` lists what there is to do");
}

Result<KeyFolder> folder_of(const KeysOptions& options) {
  if (options.folder) return KeyFolder{*options.folder};
  if (auto folder = keys::folder_from_environment()) return *std::move(folder);
  return fail("wrong_usage", "which folder of keys? Name it with --keys FOLDER or in the variable REMUDA_KEYS");
}

/// Neither spaces, which end a field of the list, nor an empty pattern, which would match nothing.
Result<std::vector<std::string>> patterns_of(const std::string& text) {
  std::vector<std::string> patterns(1);
  for (const char c : text) {
    if (c == ',') {
      patterns.emplace_back();
    } else if (c > ' ' && c < '\x7F') {
      patterns.back().push_back(c);
    } else {
      return fail("wrong_usage", "a pattern has no spaces; several are written rides,billing-*");
    }
  }
  if (std::any_of(patterns.begin(), patterns.end(), [](const auto& each) { return each.empty(); }))
    return fail("wrong_usage", "a pattern is empty; several are written rides,billing-*");
  return patterns;
}

/// What is copied to the host: its own key pair and what the server must be.
Result<void> write_bundle(const std::string& path, const zmtp::CurveKeyPair& pair, const zmtp::CurveKey& server) {
  const KeyFolder bundle{path};
  if (bundle.has("client.key")) return fail("failed", path + " holds a key already; choose another folder with --out");
  if (auto made = bundle.create(); !made) return made;
  if (auto written = bundle.write_client(pair); !written) return written;
  return bundle.write_server_public(server);
}

std::string bundle_path(const KeysOptions& options) {
  return options.out.value_or(options.name + ".keys");
}

void tell_what_to_copy(const Terminal& terminal, const KeysOptions& options) {
  terminal.out << fmt::format(
      "Copy the folder {0} to that host (`scp -pr {0} HOST:`), set REMUDA_KEYS to it there, and delete it here: it holds a "
      "secret.\n",
      bundle_path(options));
}

ExitCode init(Terminal& terminal, const KeysOptions& options) {
  const auto folder = folder_of(options);
  if (!folder) return refused(terminal, folder.error());
  if (auto made = folder->create(); !made) return refused(terminal, made.error());
  if (folder->has("server.key"))
    return refused(terminal,
                   {"failed", folder->path() + " holds keys already; `remuda keys rotate server` replaces the server's", true});
  const auto server = zmtp::new_curve_keys();
  const auto local = zmtp::new_curve_keys();
  Result<void> done = folder->write_client(local);
  if (done) done = folder->write_clients({{"local", zmtp::text_of(local.public_key), keys::Role::admin}});
  if (done) done = folder->write_server(server);
  if (!done) return refused(terminal, done.error());
  terminal.out << fmt::format(
      "Made {}: the queue node's key, and a key with all rights for commands on this machine.\n"
      "Next: set REMUDA_KEYS={} where the queue node and your commands run, then `remuda keys add-host NAME` for each other "
      "machine.\n",
      folder->path(), folder->path());
  return ExitCode::done;
}

ExitCode add_host(Terminal& terminal, const KeysOptions& options) {
  const auto folder = folder_of(options);
  if (!folder) return refused(terminal, folder.error());
  const auto role = role_of_new(options.name, options.role);
  if (!role) return refused(terminal, role.error());
  const auto patterns = patterns_of(options.patterns);
  if (!patterns) return refused(terminal, patterns.error());
  auto clients = folder->clients();
  if (!clients) return refused(terminal, clients.error());
  const auto server = folder->server_public_key();
  if (!server) return refused(terminal, server.error());
  if (std::any_of(clients->begin(), clients->end(),
                  [&](const KnownClient& each) { return each.name == options.name && !each.revoked; }))
    return refused(
        terminal,
        {"failed", "'" + options.name + "' is known already; `remuda keys rotate " + options.name + "` gives it a new key", true});
  const auto pair = zmtp::new_curve_keys();
  if (auto written = write_bundle(bundle_path(options), pair, *server); !written) return refused(terminal, written.error());
  clients->push_back({options.name, zmtp::text_of(pair.public_key), *role, *patterns});
  if (auto written = folder->write_clients(*clients); !written) return refused(terminal, written.error());
  terminal.out << fmt::format("'{}' may do what the role {} may, on {}.\n", options.name, keys::name_of(*role), options.patterns);
  tell_what_to_copy(terminal, options);
  return ExitCode::done;
}

ExitCode rotate_server(Terminal& terminal, const KeysOptions& options, const KeyFolder& folder) {
  if (auto there = folder.server_keys(); !there) return refused(terminal, there.error());
  if (!terminal.confirm("Until every host has the new server.pub none of them gets in. Replace the server's key?", options.yes))
    return ExitCode::wrong_usage;
  if (auto written = folder.write_server(zmtp::new_curve_keys()); !written) return refused(terminal, written.error());
  terminal.out << fmt::format(
      "The queue node has a new key. Restart it, and copy {}/server.pub into the key folder of every host.\n", folder.path());
  return ExitCode::done;
}

/// Marks every key that the name has; nothing when there is none.
std::optional<KnownClient> revoke_keys_of(Clients& clients, const std::string& name) {
  std::optional<KnownClient> found;
  for (KnownClient& client : clients) {
    if (client.name != name || client.revoked) continue;
    found = client;
    client.revoked = true;
  }
  return found;
}

ExitCode rotate(Terminal& terminal, const KeysOptions& options) {
  const auto folder = folder_of(options);
  if (!folder) return refused(terminal, folder.error());
  if (options.name == "server") return rotate_server(terminal, options, *folder);
  auto clients = folder->clients();
  if (!clients) return refused(terminal, clients.error());
  const auto server = folder->server_public_key();
  if (!server) return refused(terminal, server.error());
  auto before = revoke_keys_of(*clients, options.name);
  if (!before)
    return refused(terminal, {"failed", "nobody is known as '" + options.name + "'; `remuda keys show` lists who is", true});
  if (!terminal.confirm("The old key of '" + options.name + "' stops working within 5 s. Make a new one?", options.yes))
    return ExitCode::wrong_usage;
  const auto pair = zmtp::new_curve_keys();
  if (auto written = write_bundle(bundle_path(options), pair, *server); !written) return refused(terminal, written.error());
  before->key = zmtp::text_of(pair.public_key);
  clients->push_back(*std::move(before));
  if (auto written = folder->write_clients(*clients); !written) return refused(terminal, written.error());
  terminal.out << fmt::format("'{}' has a new key; the old one stops working within 5 s.\n", options.name);
  tell_what_to_copy(terminal, options);
  return ExitCode::done;
}

ExitCode revoke(Terminal& terminal, const KeysOptions& options) {
  const auto folder = folder_of(options);
  if (!folder) return refused(terminal, folder.error());
  auto clients = folder->clients();
  if (!clients) return refused(terminal, clients.error());
  if (!revoke_keys_of(*clients, options.name))
    return refused(terminal, {"failed", "nobody is known as '" + options.name + "'; `remuda keys show` lists who is", true});
  if (!terminal.confirm("Connections of '" + options.name + "' end within 5 s. Revoke its key?", options.yes))
    return ExitCode::wrong_usage;
  if (auto written = folder->write_clients(*clients); !written) return refused(terminal, written.error());
  terminal.out << fmt::format("The key of '{}' is revoked; what it has open ends within 5 s.\n", options.name);
  return ExitCode::done;
}

ExitCode show(Terminal& terminal, const KeysOptions& options) {
  const auto folder = folder_of(options);
  if (!folder) return refused(terminal, folder.error());
  const auto clients = folder->clients();
  if (!clients) return refused(terminal, clients.error());
  Table table{{{"NAME"}, {"ROLE"}, {"ON", false, true}, {"KEY"}}};
  for (const KnownClient& client : *clients) {
    const std::string role{client.revoked ? "revoked" : keys::name_of(client.role)};
    if (options.json) {
      terminal.out << ordered_json{{"name", client.name}, {"role", role}, {"patterns", client.patterns}, {"key", client.key}}.dump()
                   << '\n';
    } else {
      table.add({{client.name},
                 {role, client.revoked ? Colour::red : Colour::none},
                 {fmt::format("{}", fmt::join(client.patterns, ","))},
                 {client.key}});
    }
  }
  if (!options.json) terminal.out << table.render(terminal.width, terminal.colours);
  return ExitCode::done;
}

Option folder_option(const Shared& options) {
  return {"--keys", "Folder of the keys (the variable REMUDA_KEYS unless said)", &options->folder, false, {}, ValueKind::folder};
}
Option name_option(const Shared& options, const std::string& help) {
  return {"NAME", help, &options->name, true};
}
Option out_option(const Shared& options) {
  return {"--out", "Where the host's own folder is made (NAME.keys)", &options->out, false, {}, ValueKind::folder};
}

template <class Run>
std::function<ExitCode(Terminal&)> running(const Shared& options, Run run) {
  return [options, run](Terminal& terminal) { return run(terminal, *options); };
}

std::vector<Command> subcommands(const Shared& options) {
  return {
      {.name = "init",
       .summary = "Make the keys of a queue node and of this machine",
       .options = {folder_option(options)},
       .run = running(options, init)},
      {.name = "add-host",
       .summary = "Let another machine in, with a role",
       .details = "Roles: observer (looks), node (sends and receives), operator (looks, moves, purges), admin (everything).\n"
                  "The queue node learns of it within a second, without a restart.",
       .options = {name_option(options, "What the host is called in the list and in logs"),
                   folder_option(options),
                   {"--role", "observer, node, operator or admin", &options->role},
                   {"--on", "Names of queues, topics and streams; `*` is any text: rides,billing-*", &options->patterns},
                   out_option(options)},
       .run = running(options, add_host)},
      {.name = "rotate",
       .summary = "Replace the key of a host, or of the queue node",
       .options = {name_option(options, "The host, or `server`"), folder_option(options), out_option(options),
                   yes_option(options->yes)},
       .run = running(options, rotate)},
      {.name = "revoke",
       .summary = "Shut a host out; its connections end within 5 s",
       .options = {name_option(options, "The host"), folder_option(options), yes_option(options->yes)},
       .run = running(options, revoke)},
      {.name = "show",
       .summary = "Who is known, and what they may do; no secrets",
       .options = {folder_option(options), json_option(options->json)},
       .run = running(options, show)},
      keys_token(),
  };
}

}  // namespace

Result<keys::Role> role_of_new(const std::string& name, const std::string& role) {
  constexpr std::size_t name_size_max = 80;
  const auto is_right = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name.size() > name_size_max || name[0] == '-' || name[0] == '.' ||
      !std::all_of(name.begin(), name.end(), is_right))
    return fail("wrong_usage", "'" + name + "' cannot be a name; a name is 1 to 80 of a-z A-Z 0-9 - _ .");
  if (const auto known = keys::role_from(role)) return *known;
  return fail("wrong_usage", "'" + role + "' is no role; roles are observer, node, operator, admin");
}

Command keys_verb() {
  return {.name = "keys",
          .summary = "Decide which machines may reach the queue node, and who may ask an HTTP server",
          .subcommands = subcommands(std::make_shared<KeysOptions>())};
}

}  // namespace remuda::cli
