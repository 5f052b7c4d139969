// remuda broker backup, verify, restore: a copy of all that a broker keeps, taken while it serves.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/backup.hpp"
#include "cli/channel_verbs.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/clock.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

struct BackupOptions {
  BrokerOptions broker;
  std::string folder;
  std::optional<std::string> name;
  bool json = false;
};

ExitCode tell(const Terminal& terminal, const Manifest& manifest, bool json, const std::string& sentence) {
  if (json) {
    terminal.out << dump(ordered_json{{"broker", manifest.broker},
                                      {"taken_ms", manifest.taken_ms},
                                      {"segments", manifest.files.size()},
                                      {"size_bytes", manifest.size_bytes()}})
                 << '\n';
  } else {
    terminal.out << fmt::format("{} ({} segments, {:.1f} MiB, of broker {})\n", sentence, manifest.files.size(),
                                static_cast<double>(manifest.size_bytes()) / (1U << 20U), manifest.broker);
  }
  return ExitCode::done;
}

Result<BrokerEndpoint> choose(const BrokerAccess& access, const std::optional<std::string>& name) {
  const auto& brokers = access.brokers();
  if (!name && brokers.size() == 1) return brokers.front();
  const auto found =
      std::find_if(brokers.begin(), brokers.end(), [&](const BrokerEndpoint& one) { return name && one.name == *name; });
  if (found != brokers.end()) return *found;
  std::string known;
  for (const auto& one : brokers) known += (known.empty() ? "" : ", ") + one.name;
  return fail("failed", name ? "there is no broker '" + *name + "', only: " + known : "say which one with --name: " + known);
}

Result<Manifest> copy(BlockingBrokerClient& client, const std::string& broker, const std::string& folder) {
  auto writer = BackupWriter::create(folder);
  if (!writer) return Failure<Error>{writer.error()};
  const std::int64_t taken_ms = to_unix_ms(SystemClock{}.wall_now());
  const auto segments = client.begin_backup();
  if (!segments) return Failure<Error>{segments.error()};
  for (const auto& segment : *segments) {
    const auto added = writer->add(segment_file_name(segment.number), segment.size_bytes, segment.capacity_bytes,
                                   [&](std::uint64_t offset) { return client.read_backup(segment.number, offset); });
    if (!added) return Failure<Error>{added.error()};
  }
  auto manifest = writer->finish(broker, taken_ms);
  static_cast<void>(client.end_backup());  // else it ends by itself
  return manifest;
}

ExitCode backup(Terminal& terminal, const BackupOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  const auto broker = choose(*access, options.name);
  if (!broker) return refused(terminal, broker.error());
  const auto manifest = copy(*access->connect(*broker, std::chrono::seconds{60}), broker->name, options.folder);
  if (!manifest) return refused(terminal, manifest.error());
  return tell(terminal, *manifest, options.json, "everything confirmed before now is in " + options.folder);
}

struct RestoreOptions {
  std::string folder;
  std::string data;
  bool json = false;
};

ExitCode verify(Terminal& terminal, const RestoreOptions& options) {
  const auto manifest = verify_backup(options.folder);
  if (!manifest) return refused(terminal, manifest.error());
  return tell(terminal, *manifest, options.json, options.folder + " is whole");
}

ExitCode restore(Terminal& terminal, const RestoreOptions& options) {
  const auto manifest = restore_backup(options.folder, options.data);
  if (!manifest) return refused(terminal, manifest.error());
  return tell(terminal, *manifest, options.json, "start a broker with the data folder " + options.data);
}

Command backup_verb() {
  auto options = std::make_shared<BackupOptions>();
  return {
      .name = "backup",
      .summary = "Copy all that a broker keeps, while it serves",
      .details =
          "The folder must not exist yet. What was confirmed before the command began is in the backup, on stable storage, with\n"
          "checksums; what came later may be. The broker keeps serving.",
      .options =
          with_broker(options->broker, {{"FOLDER", "Where the backup is to be", &options->folder, true, {}, ValueKind::folder},
                                        {"--name", "Which broker, when the topology has several", &options->name},
                                        json_option(options->json)}),
      .run = [options](Terminal& terminal) { return backup(terminal, *options); }};
}

Command verify_verb() {
  auto options = std::make_shared<RestoreOptions>();
  return {.name = "verify",
          .summary = "Read every byte of a backup and compare it with its checksums",
          .options = {{"BACKUP", "The folder of the backup", &options->folder, true, {}, ValueKind::folder},
                      json_option(options->json)},
          .run = [options](Terminal& terminal) { return verify(terminal, *options); }};
}

Command restore_verb() {
  auto options = std::make_shared<RestoreOptions>();
  return {.name = "restore",
          .summary = "Make a data folder of a backup, for a broker to start on",
          .details =
              "Needs no broker. The restored broker is the one of the moment of the backup: what was deleted since is there again, "
              "what\n"
              "was sent since is not.",
          .options = {{"BACKUP", "The folder of the backup", &options->folder, true, {}, ValueKind::folder},
                      {"--data", "The data folder, which must not exist yet", &options->data, true, {}, ValueKind::folder},
                      json_option(options->json)},
          .run = [options](Terminal& terminal) { return restore(terminal, *options); }};
}

}  // namespace

Command broker_verb() {
  return {.name = "broker",
          .summary = "Back up a broker and restore it",
          .subcommands = {backup_verb(), verify_verb(), restore_verb()}};
}

}  // namespace remuda::cli
