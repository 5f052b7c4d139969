// remuda keys token add, ls, revoke: who may ask an HTTP server. See common/keys/KEYS.md.

#include "cli/verbs/keys_token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/table.hpp"
#include "common/keys/key_folder.hpp"
#include "common/keys/tokens.hpp"

namespace remuda::cli {

namespace {

using keys::KnownToken;
using keys::Tokens;

struct TokenOptions {
  std::optional<std::string> file;
  std::string name;
  std::string role;
  bool yes = false;
  bool json = false;
};
using Shared = std::shared_ptr<TokenOptions>;

ExitCode refused(const Terminal& terminal, const Error& error) {
  const bool wrong = error.code == "wrong_usage";
  return terminal.problem(wrong ? ExitCode::wrong_usage : ExitCode::failed, error.code + ": " + error.message,
                          "`remuda keys token --help` lists what there is to do");
}

Result<std::string> file_of(const TokenOptions& options) {
  if (options.file) return *options.file;
  if (const auto folder = keys::folder_from_environment()) {
    if (auto safe = folder->check(); !safe) return Failure{safe.error()};
    return folder->path() + "/tokens";
  }
  return fail("wrong_usage", "which file of tokens? Name it with --file FILE, or a folder of keys in the variable REMUDA_KEYS");
}

KnownToken* find_active(Tokens& tokens, const std::string& name) {
  const auto found =
      std::find_if(tokens.begin(), tokens.end(), [&](const KnownToken& each) { return each.name == name && !each.revoked; });
  return found == tokens.end() ? nullptr : &*found;
}

ExitCode add(Terminal& terminal, const TokenOptions& options) {
  const auto file = file_of(options);
  if (!file) return refused(terminal, file.error());
  const auto role = role_of_new(options.name, options.role);
  if (!role) return refused(terminal, role.error());
  auto tokens = keys::read_tokens(*file);
  if (!tokens && tokens.error().code == "no_keys") tokens = Tokens{};
  if (!tokens) return refused(terminal, tokens.error());
  if (find_active(*tokens, options.name) != nullptr)
    return refused(terminal, {"failed",
                              "'" + options.name + "' has a token already; `remuda keys token revoke " + options.name +
                                  "` ends it, or choose another name",
                              true});
  const std::string token = keys::new_token();
  tokens->push_back({options.name, keys::hash_of(token), *role});
  if (auto written = keys::write_tokens(*file, *tokens); !written) return refused(terminal, written.error());
  // Alone on its stream, so that a script can take it; what people want to know stands beside it.
  terminal.out << token << '\n';
  terminal.err << fmt::format(
      "This is shown once: {} keeps its hash only. '{}' may {}. Clients send it as `Authorization: Bearer TOKEN`; servers with "
      "tokens = \"{}\" know it within a second.\n",
      *file, options.name, keys::allows(*role, "send") ? "read and write" : "read", *file);
  return ExitCode::done;
}

ExitCode ls(Terminal& terminal, const TokenOptions& options) {
  const auto file = file_of(options);
  if (!file) return refused(terminal, file.error());
  const auto tokens = keys::read_tokens(*file);
  if (!tokens) return refused(terminal, tokens.error());
  Table table{{{"NAME"}, {"ROLE"}}};
  for (const KnownToken& token : *tokens) {
    const std::string role{token.revoked ? "revoked" : keys::name_of(token.role)};
    if (options.json) {
      terminal.out << nlohmann::ordered_json{{"name", token.name}, {"role", role}}.dump() << '\n';
    } else {
      table.add({{token.name}, {role, token.revoked ? Colour::red : Colour::none}});
    }
  }
  if (!options.json) terminal.out << table.render(terminal.width, terminal.colours);
  return ExitCode::done;
}

ExitCode revoke(Terminal& terminal, const TokenOptions& options) {
  const auto file = file_of(options);
  if (!file) return refused(terminal, file.error());
  auto tokens = keys::read_tokens(*file);
  if (!tokens) return refused(terminal, tokens.error());
  KnownToken* const token = find_active(*tokens, options.name);
  if (token == nullptr)
    return refused(terminal,
                   {"failed", "'" + options.name + "' has no token that works; `remuda keys token ls` lists who has one", true});
  if (!terminal.confirm("Requests with the token of '" + options.name + "' are refused within 5 s. Revoke it?", options.yes))
    return ExitCode::wrong_usage;
  token->revoked = true;
  if (auto written = keys::write_tokens(*file, *tokens); !written) return refused(terminal, written.error());
  terminal.out << fmt::format("The token of '{}' is revoked; it stops working within 5 s.\n", options.name);
  return ExitCode::done;
}

Option file_option(const Shared& options) {
  return {
      "--file",       "File of the tokens (`tokens` in the folder that REMUDA_KEYS names, unless said)", &options->file, false, {},
      ValueKind::file};
}

template <class Run>
std::function<ExitCode(Terminal&)> running(const Shared& options, Run run) {
  return [options, run](Terminal& terminal) { return run(terminal, *options); };
}

}  // namespace

Command keys_token() {
  const auto options = std::make_shared<TokenOptions>();
  return {
      .name = "token",
      .summary = "Decide who may ask an HTTP server",
      .subcommands = {
          {.name = "add",
           .summary = "Make a token and print it, once",
           .details = "Roles: observer and operator (read), node and admin (read and write). Reading is GET and HEAD.\n"
                      "The file is made where there is none; a server names it with the parameter tokens = \"FILE\".",
           .options =
               {{"NAME", "Whom the token is for", &options->name, true},
                {"--role", "observer, node, operator or admin", &options->role, true, {"observer", "node", "operator", "admin"}},
                file_option(options)},
           .run = running(options, add)},
          {.name = "ls",
           .summary = "Who has a token, and what it allows; neither tokens nor hashes",
           .options = {file_option(options), json_option(options->json)},
           .run = running(options, ls)},
          {.name = "revoke",
           .summary = "End a token; servers refuse it within 5 s, without a restart",
           .options = {{"NAME", "Whose token", &options->name, true}, file_option(options), yes_option(options->yes)},
           .run = running(options, revoke)},
      }};
}

}  // namespace remuda::cli
