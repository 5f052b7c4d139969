#include "broker/options.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/keys/key_folder.hpp"
#include "common/socket.hpp"
#include "common/units.hpp"
#include "remuda/version.hpp"

namespace remuda::broker {

namespace {

constexpr std::string_view summary = "Queue node: durable queues, topics with chained queues, dead letters";

/// The same form as a node's --describe, so that one reader understands both.
std::string describe() {
  nlohmann::ordered_json description;
  description["name"] = "remuda-broker";
  description["version"] = REMUDA_VERSION;
  description["summary"] = summary;
  description["ports"] = nlohmann::json::array();
  description["parameters"] = nlohmann::json::array();
  description["open_request_ports"] = false;
  description["open_outputs"] = false;
  return description.dump(2);
}

/// A CLI11 check made of one of our functions that say what is wrong.
template <class Check>
CLI::Validator checked_by(Check check, const std::string& form) {
  return CLI::Validator{[check](const std::string& text) {
                          const auto result = check(text);
                          return result ? std::string{} : result.error().message;
                        },
                        form};
}

/// Whether it may be open to other machines depends on the keys, which another option names.
Result<void> check_listen_form(const std::string& endpoint) {
  auto allowed = check_listen_endpoint(endpoint);
  if (!allowed && allowed.error().code == "open_endpoint") return {};
  return allowed;
}

/// REMUDA_KEYS also names folders of machines that only connect: those have no server key, and a queue node there serves as without.
std::string server_keys_from_environment() {
  const auto folder = keys::folder_from_environment();
  return folder && folder->has("server.key") ? folder->path() : std::string{};
}

/// Empty: nothing is open to other machines without keys.
std::string open_without_keys(const Options& options) {
  if (!options.keys_folder.empty()) return {};
  for (const auto& endpoint : options.listen) {
    if (const auto allowed = check_listen_endpoint(endpoint); !allowed) return allowed.error().message;
  }
  return {};
}

}  // namespace

ParsedOptions parse_options(int argc, const char* const* argv) {
  Options options;
  std::string log_format = "auto";
  std::string log_level = "info";
  std::string segment_size = "64MiB";
  std::string peer_buffer = "16MiB";
  std::string body_cache = "256MiB";
  std::string scrub_rate = "4MiB";
  std::string scrub_period = "24h";
  const auto is_size = checked_by([](const std::string& text) { return parse_size(text); }, "");
  const auto is_duration = checked_by([](const std::string& text) { return parse_duration(text); }, "");
  CLI::App app{std::string{summary} + "."};
  app.get_formatter()->column_width(28);
  app.set_version_flag("--version", "remuda-broker " REMUDA_VERSION);
  app.add_flag_callback(
      "--describe",
      [] {
        std::cout << describe() << '\n';
        throw CLI::Success{};
      },
      "print what this program is, as JSON");
  app.add_option("--name", options.name, "name of this broker")->capture_default_str()->type_name("NAME");
  app.add_option("--listen", options.listen, "where clients connect; may be repeated")
      ->capture_default_str()
      ->type_name("ENDPOINT")
      ->check(checked_by(check_listen_form, ""));
  app.add_option("--data", options.data_folder, "folder of the journal; created when absent")->required()->type_name("FOLDER");
  app.add_option("--keys", options.keys_folder,
                 "folder that `remuda keys init` made: who connects over TCP must show a key that it knows (REMUDA_KEYS)")
      ->type_name("FOLDER");
  app.add_option("--definitions", options.definitions_file, "TOML file with [queues.*], [topics.*] and [streams.*]")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  app.add_option("--control", options.control_endpoint, "control endpoint of the supervisor")
      ->type_name("ENDPOINT")
      ->check(checked_by(check_endpoint, ""));
  app.add_option("--log-format", log_format, "text, json or auto")
      ->capture_default_str()
      ->type_name("FORMAT")
      ->check(checked_by(parse_log_format, ""));
  app.add_option("--log-level", log_level, "debug, info, warning or error")
      ->capture_default_str()
      ->type_name("LEVEL")
      ->check(checked_by(parse_log_level, ""));
  app.add_option("--segment-size", segment_size, "size of a journal segment, 4KiB to 1GiB")
      ->capture_default_str()
      ->type_name("SIZE")
      ->check(checked_by([](const std::string& text) { return parse_size(text); }, ""));
  app.add_option("--max-connections", options.connections_max,
                 "clients at once; others are refused (10000, or what descriptors allow)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--max-connections-per-address", options.connections_per_address_max,
                 "the same for each address that clients come from")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--max-waiting-receives", options.waiting_receives_max, "receives of one client that may wait for messages")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--peer-buffer", peer_buffer, "what may be unsent to a client that does not read; then it is cut off")
      ->capture_default_str()
      ->type_name("SIZE")
      ->check(checked_by([](const std::string& text) { return parse_size(text); }, ""));
  int busy_wait_us = static_cast<int>(options.busy_wait_max.count());
  app.add_option(
         "--busy-wait-us", busy_wait_us,
         "how long to look for the next request before sleeping, while requests come one by one and that close together; 0: never")
      ->capture_default_str()
      ->type_name("US")
      ->check(CLI::Range(0, 10'000));
  app.add_option("--body-cache", body_cache, "memory for message bodies; the rest is read from disk when it is needed")
      ->capture_default_str()
      ->type_name("SIZE")
      ->check(is_size);
  app.add_option("--scrub-rate", scrub_rate, "how much of the journal is looked through for damage a second; 0B: nothing")
      ->capture_default_str()
      ->type_name("SIZE")
      ->check(is_size);
  app.add_option("--scrub-period", scrub_period, "pause before it is looked through again")
      ->capture_default_str()
      ->type_name("DURATION")
      ->check(is_duration);
  app.add_flag("--salvage", options.salvage, "start over a damaged journal, giving up what is unreadable");
  app.footer("Exit codes: 0 drained, 1 failed, 2 wrong usage, 70 the disk failed: nothing is certain until a person has looked.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return {std::nullopt, app.exit(success)};
  } catch (const CLI::ParseError& error) {
    std::cerr << "remuda-broker: " << error.what() << "\nTry 'remuda-broker --help'.\n";
    return {std::nullopt, 2};
  }
  if (options.keys_folder.empty()) options.keys_folder = server_keys_from_environment();
  if (const std::string open = open_without_keys(options); !open.empty()) {
    std::cerr << "remuda-broker: " << open << '\n';
    return {std::nullopt, 2};
  }
  options.log_format = *parse_log_format(log_format);
  options.log_level = *parse_log_level(log_level);
  const std::uint64_t size = *parse_size(segment_size);
  if (size < 4096 || size > (1ULL << 30U)) {
    std::cerr << "remuda-broker: --segment-size must be 4KiB to 1GiB\n";
    return {std::nullopt, 2};
  }
  options.busy_wait_max = std::chrono::microseconds{busy_wait_us};
  options.peer_buffer_bytes = *parse_size(peer_buffer);
  options.body_cache_bytes = *parse_size(body_cache);
  options.scrub = {*parse_size(scrub_rate), *parse_duration(scrub_period)};
  options.segment_size_bytes = static_cast<std::uint32_t>(size);
  return {std::move(options), 0};
}

}  // namespace remuda::broker
