// remuda doctor: will it work on this machine, and if not, what has to be done?

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/doctor.hpp"
#include "cli/executables.hpp"
#include "cli/launch.hpp"
#include "cli/supervisor/registry.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/clock.hpp"
#include "common/descriptor.hpp"
#include "common/keys/key_folder.hpp"
#include "common/keys/tokens.hpp"
#include "common/socket.hpp"
#include "common/wire.hpp"
#include "common/zmtp/stream_socket.hpp"
#include "remuda/version.hpp"

namespace remuda::cli {

namespace {

using Verdict = Finding::Verdict;
using Findings = std::vector<Finding>;
using std::chrono::microseconds;

struct Options {
  std::optional<std::string> file;
  std::optional<std::string> data;
  std::optional<std::string> keys;
  bool json = false;
};

constexpr std::string_view default_endpoint = "tcp://127.0.0.1:5550";

Finding versions() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  zmq_version(&major, &minor, &patch);
  const std::string what =
      fmt::format("remuda {}, protocol {}, ZeroMQ {}.{}.{}", REMUDA_VERSION, wire::protocol_version, major, minor, patch);
  if (std::array{major, minor, patch} < std::array{4, 3, 4})
    return {"versions", Verdict::problem, what + "; older ZeroMQ crashes on hostile bytes", "install libzmq5 4.3.4 or newer"};
  return {"versions", Verdict::good, what, ""};
}

Finding limits() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return judge_descriptors(limit.rlim_cur, limit.rlim_max);
}

Finding clock() {
  timex state{};  // asks only
  const int answer = adjtimex(&state);
  return judge_clock(answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0, microseconds{state.maxerror});
}

Finding runtime() {
  const auto registry = supervisor::Registry::of_this_user();
  if (!registry)
    return {"runtime", Verdict::problem, registry.error().message, "set XDG_RUNTIME_DIR to a folder of yours with mode 0700"};
  return {"runtime", Verdict::good, "running topologies can be found by other commands of this user", ""};
}

/// The median of a few small synced writes; nothing is left behind.
microseconds time_of_sync(int file) {
  constexpr std::size_t rounds = 5;
  const std::array<char, 4096> block{};
  const SystemClock system;
  std::array<microseconds, rounds> times{};
  for (auto& time : times) {
    const Instant begin = system.now();
    if (::pwrite(file, block.data(), block.size(), 0) < 0 || ::fdatasync(file) != 0) return {};
    time = std::chrono::duration_cast<microseconds>(system.now() - begin);
  }
  std::sort(times.begin(), times.end());
  return times[rounds / 2];
}

/// The folder itself, or as much of its path as there is: nothing is created.
std::string existing_part_of(const std::string& folder) {
  std::filesystem::path path = std::filesystem::absolute(folder);
  std::error_code ignored;
  while (path.has_relative_path() && !std::filesystem::exists(path, ignored)) path = path.parent_path();
  return path.string();
}

Finding disk(const std::string& folder) {
  DiskFacts facts;
  facts.folder = existing_part_of(folder);
  const Descriptor file{::open(facts.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!file.is_open() && errno != EOPNOTSUPP && errno != EISDIR) facts.trouble = std::strerror(errno);
  struct statfs info {};
  if (::statfs(facts.folder.c_str(), &info) == 0) {
    facts.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize);
    facts.in_memory = info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
  }
  if (file.is_open()) facts.sync = time_of_sync(file.get());
  return judge_disk(facts);
}

Finding of_error(const Error& error, const std::string& remedy) {
  return {"keys", Verdict::problem, error.message, remedy};
}

Finding keys_of(const std::optional<std::string>& named) {
  const auto folder = named ? std::optional{keys::KeyFolder{*named}} : keys::folder_from_environment();
  if (!folder)
    return {"keys", Verdict::good, "no keys are used: queue nodes serve this machine only (`remuda keys --help` for more)", ""};
  const std::string remedy = "see what is there with `remuda keys show --keys " + folder->path() + "`";
  if (const auto client = folder->client_keys(); !client) return of_error(client.error(), remedy);
  if (const auto server = folder->server_public_key(); !server) return of_error(server.error(), remedy);
  if (!folder->has("server.key"))
    return {"keys", Verdict::good, folder->path() + ": this machine has a key to show, and knows its queue node's", ""};
  const auto server = folder->server_keys();
  if (!server) return of_error(server.error(), remedy);
  if (server->public_key != *folder->server_public_key())
    return {"keys", Verdict::problem, folder->path() + ": server.pub is not the public key of server.key; nobody would get in",
            "`remuda keys rotate server` makes a new pair"};
  const auto clients = folder->clients();
  if (!clients) return of_error(clients.error(), remedy);
  const auto known = std::count_if(clients->begin(), clients->end(), [](const keys::KnownClient& each) { return !each.revoked; });
  if (known == 0)
    return {"keys", Verdict::problem, folder->path() + ": nobody may talk to the queue node",
            "`remuda keys add-host NAME` lets a host in"};
  return {"keys", Verdict::good, fmt::format("{}: a queue node's keys, {} known clients", folder->path(), known), ""};
}

/// Only where a folder of keys has any: token files may be anywhere.
void examine_tokens(const std::optional<std::string>& named, Findings& findings) {
  const auto folder = named ? std::optional{keys::KeyFolder{*named}} : keys::folder_from_environment();
  if (!folder || !folder->has("tokens")) return;
  const auto list = keys::TokenList::open(folder->path() + "/tokens");
  if (!list) {
    findings.push_back({"tokens", Verdict::problem, list.error().message, "`remuda keys token --help` lists what there is to do"});
    return;
  }
  const auto& tokens = list->tokens();
  const auto working = std::count_if(tokens.begin(), tokens.end(), [](const keys::KnownToken& each) { return !each.revoked; });
  findings.push_back(
      {"tokens", Verdict::good, fmt::format("{}/tokens: {} may ask HTTP servers that name it", folder->path(), working), ""});
}

std::string trouble_of_listening(const std::string& endpoint) {
  const auto listener = zmtp::listen_at(endpoint, true);
  return listener ? std::string{} : listener.error().message;
}

/// Of a launch file: whether it is right, the programs it names, and the ports of its queue nodes.
void examine_file(const Options& options, Findings& findings) {
  LaunchOptions launch_options;
  launch_options.file = *options.file;
  const auto launch = resolve_launch(launch_options);
  if (!launch || !launch->topology.diagnostics.ok()) {
    findings.push_back({"file", Verdict::problem, *options.file + (launch ? " has errors" : ": " + launch.error().message),
                        "remuda check " + *options.file});
    return;
  }
  const topology::Plan& plan = launch->topology.plan;
  findings.push_back({"file", Verdict::good, fmt::format("{} is right: {} processes", *options.file, plan.processes.size()), ""});
  for (const topology::BrokerPlan& broker : plan.brokers) {
    for (const std::string& endpoint : broker.endpoints) {
      if (endpoint.starts_with("tcp://")) findings.push_back(judge_port(endpoint, trouble_of_listening(endpoint)));
    }
  }
}

Findings examine(const Options& options) {
  Findings findings{versions(), limits(), clock(), keys_of(options.keys), disk(options.data.value_or(".remuda")), runtime()};
  examine_tokens(options.keys, findings);
  if (options.file) {
    examine_file(options, findings);
  } else {
    const std::string endpoint{default_endpoint};
    Finding port = judge_port(endpoint, trouble_of_listening(endpoint));
    if (port.verdict == Verdict::problem) port.verdict = Verdict::warning;  // it may well be a queue node of ours
    findings.push_back(std::move(port));
  }
  return findings;
}

Colour colour_of(Verdict verdict) {
  return verdict == Verdict::good ? Colour::green : verdict == Verdict::warning ? Colour::yellow : Colour::red;
}

void print(const Terminal& terminal, const Finding& finding, bool json) {
  if (json) {
    terminal.out << nlohmann::ordered_json{{"about", finding.about},
                                           {"verdict", name_of(finding.verdict)},
                                           {"what", finding.what},
                                           {"remedy", finding.remedy}}
                        .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                 << '\n';
    return;
  }
  terminal.out << terminal.paint(colour_of(finding.verdict), fmt::format("{:<8}", name_of(finding.verdict)))
               << fmt::format(" {:<9} {}\n", finding.about, finding.what);
  if (!finding.remedy.empty()) terminal.out << fmt::format("{:18} next: {}\n", "", finding.remedy);
}

ExitCode doctor(Terminal& terminal, const Options& options) {
  const Findings findings = examine(options);
  for (const Finding& finding : findings) print(terminal, finding, options.json);
  const auto count = [&](Verdict verdict) {
    return std::count_if(findings.begin(), findings.end(), [&](const Finding& each) { return each.verdict == verdict; });
  };
  const auto problems = count(Verdict::problem);
  if (!options.json) {
    terminal.out << (problems == 0 ? fmt::format("\nThis machine will do; {} warnings.\n", count(Verdict::warning))
                                   : fmt::format("\n{} problems, {} warnings.\n", problems, count(Verdict::warning)));
  }
  return problems == 0 ? ExitCode::done : ExitCode::failed;
}

}  // namespace

Command doctor_verb() {
  auto options = std::make_shared<Options>();
  return {
      .name = "doctor",
      .summary = "Look at this machine: versions, limits, clock, keys, disk, ports",
      .details =
          "Changes nothing and starts nothing. Exit code 0 when there is no problem (warnings do not count), 1 when there is.\n"
          "With a launch file it also says whether that is right and whether its ports are free.",
      .options = {{"FILE", "A launch file that is to run here", &options->file, false, {}, ValueKind::file},
                  {"--data", "Where data is to be kept (.remuda)", &options->data, false, {}, ValueKind::folder},
                  {"--keys", "Folder of keys (the variable REMUDA_KEYS unless said)", &options->keys, false, {}, ValueKind::folder},
                  json_option(options->json)},
      .run = [options](Terminal& terminal) { return doctor(terminal, *options); }};
}

}  // namespace remuda::cli
