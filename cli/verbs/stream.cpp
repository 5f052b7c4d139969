// remuda stream: what is kept, who has read how far, and reading it without any group noticing.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_verbs.hpp"
#include "cli/stream_cursor.hpp"
#include "cli/table.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/socket.hpp"
#include "common/units.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds look_interval{100};  ///< between two looks at the end of a stream

Option stream_argument(std::string& stream) {
  return {"STREAM", "The stream", &stream, true, {}, ValueKind::stream};
}

std::int64_t now_ms() {
  return to_unix_ms(SystemClock{}.wall_now());
}

// ---- ls, info

ordered_json info_as_json(const wire::StreamInfo& info, const std::string& broker) {
  ordered_json partitions = ordered_json::array();
  for (const auto& [first, next] : info.partitions) partitions.push_back({{"first", first}, {"next", next}});
  ordered_json groups = ordered_json::array();
  for (const wire::StreamGroup& group : info.groups) {
    ordered_json shares = ordered_json::array();
    std::uint64_t in_flight = 0;
    for (const wire::StreamShare& share : group.shares) {
      shares.push_back({{"next", share.next}, {"in_flight", share.in_flight}, {"attempts", share.attempts}});
      in_flight += share.in_flight;
    }
    groups.push_back({{"group", group.group}, {"behind", info.behind(group)}, {"in_flight", in_flight}, {"partitions", shares}});
  }
  return {{"stream", info.stream},
          {"broker", broker},
          {"from", info.from_topic},
          {"records", info.records()},
          {"bytes", info.bytes},
          {"oldest_age_s", info.oldest_ms == 0 ? 0.0 : static_cast<double>(now_ms() - info.oldest_ms) / 1000.0},
          {"appended", info.appended()},
          {"waiting_takes", info.waiting_takes},
          {"filter_policy", info.filter_policy},
          {"filter_scope", info.filter_on_attributes ? "attributes" : "body"},
          {"partition_by", info.partition_by},
          {"retention_ms", info.retention_ms},
          {"max_bytes", info.max_bytes},
          {"dead_letter_queue", info.dead_letter_queue},
          {"max_receives", info.max_receives},
          {"partitions", partitions},
          {"groups", groups}};
}

struct ListOptions {
  BrokerOptions broker;
  bool json = false;
};

std::vector<Cell> row_of(const wire::StreamInfo& info) {
  std::string groups;
  for (const wire::StreamGroup& group : info.groups) {
    const std::uint64_t behind = info.behind(group);
    groups += (groups.empty() ? "" : ", ") + group.group + (behind == 0 ? "" : fmt::format(" ({} behind)", grouped(behind)));
  }
  return {{info.stream},
          {grouped(info.partitions.size())},
          {grouped(info.records())},
          {format_size(info.bytes)},
          {info.oldest_ms == 0 ? "-" : brief_duration(static_cast<double>(now_ms() - info.oldest_ms) / 1000.0)},
          {grouped(info.appended())},
          {groups}};
}

ExitCode list(Terminal& terminal, const ListOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  Table table{{{"STREAM", false, true},
               {"PARTITIONS", true},
               {"RECORDS", true},
               {"SIZE", true},
               {"OLDEST", true},
               {"APPENDED", true},
               {"GROUPS", false, true}}};
  const ExitCode code =
      for_each_broker(terminal, *access, [&](const BrokerEndpoint& broker, BlockingBrokerClient& client) -> Result<void> {
        const auto streams = client.list_streams();
        if (!streams) return Failure<Error>{streams.error()};
        for (const wire::StreamInfo& info : *streams) {
          if (options.json) {
            terminal.out << dump(info_as_json(info, broker.name)) << '\n';
          } else {
            table.add(row_of(info));
          }
        }
        return {};
      });
  if (!table.empty()) terminal.out << table.render(terminal.width, terminal.colours);
  return code;
}

struct InfoOptions {
  BrokerOptions broker;
  std::string stream;
  bool json = false;
};

void show_line(const Terminal& terminal, std::string_view title, const std::string& text) {
  terminal.out << fmt::format("{}  {}\n", terminal.paint(Colour::dim, fmt::format("{:<22}", title)),
                              text.empty() ? "-" : one_line(text));
}

ExitCode show_info(Terminal& terminal, const InfoOptions& options) {
  Result<ChannelAccess> stream = open_channel(options.broker, options.stream, "stream");
  if (!stream) return refused(terminal, stream.error());
  const Result<wire::StreamInfo> info = stream->client->stream_info(options.stream);
  if (!info) return refused(terminal, info.error());
  const ordered_json json = info_as_json(*info, stream->broker.name);
  if (options.json) {
    terminal.out << dump(json) << '\n';
    return ExitCode::done;
  }
  for (const auto& [name, value] : json.items()) {
    if (value.is_array()) continue;
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (name == "retention_ms") text = format_duration(std::chrono::milliseconds{value.get<std::int64_t>()});
    if (name.ends_with("bytes")) text = format_size(value.get<std::uint64_t>());
    show_line(terminal, name == "retention_ms" ? "retention" : name, text);
  }
  for (std::size_t p = 0; p < info->partitions.size(); ++p) {
    const auto& [first, next] = info->partitions[p];
    show_line(terminal, fmt::format("partition {}", p), fmt::format("offsets {} to {}", first, next));
  }
  for (const wire::StreamGroup& group : info->groups) {
    std::string positions;
    for (const wire::StreamShare& share : group.shares) {
      positions += fmt::format("{}{}{}{}", positions.empty() ? "" : ", ", share.next,
                               share.in_flight == 0 ? "" : fmt::format(" (+{} in flight)", share.in_flight),
                               share.attempts == 0 ? "" : fmt::format(" (failed {}x)", share.attempts));
    }
    show_line(terminal, "group " + group.group, fmt::format("{} behind, at {}", grouped(info->behind(group)), positions));
  }
  return ExitCode::done;
}

// ---- read

struct ReadOptions {
  BrokerOptions broker;
  std::string stream;
  std::string from = "oldest";
  std::optional<int> partition;
  std::optional<std::string> offset;
  std::optional<std::string> time;
  int max = 0;
  bool follow = false;
  std::optional<std::chrono::milliseconds> timeout;
  bool json = false;
};

/// "2026-11-26T07:00:00Z", or "10m": that long ago. Errors: `wrong_usage`.
Result<std::uint64_t> time_from(const std::string& text) {
  if (const auto ago = parse_duration(text)) return static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ms() - ago->count()));
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || std::string_view{end} != "Z")
    return fail("wrong_usage", fmt::format("'{}' is neither a time as 2026-11-26T07:00:00Z nor a duration as 10m", text));
  return static_cast<std::uint64_t>(timegm(&parts)) * 1000;
}

Result<wire::StreamPosition> position_of(const ReadOptions& options) {
  wire::StreamPosition position;
  position.from = options.from;
  if (options.time) {
    const auto time = time_from(*options.time);
    if (!time) return Failure<Error>{time.error()};
    position.time_ms = *time;
  }
  if (options.offset) {
    const bool is_number = !options.offset->empty() && options.offset->find_first_not_of("0123456789") == std::string::npos;
    if (!is_number || options.offset->size() > 19) return fail("wrong_usage", "--offset takes a number, from 0");
    position.offset = std::stoull(*options.offset);
  }
  return position;
}

void show_record(const Terminal& terminal, const ReadRecord& record, const Message& message, bool json) {
  if (json) {
    ordered_json line = message_as_json(message);
    line["partition"] = record.partition;
    line["offset"] = record.offset;
    line["time_ms"] = record.time_ms;
    terminal.out << dump(line) << '\n';
    return;
  }
  const std::size_t width = static_cast<std::size_t>(terminal.width);
  terminal.out << fmt::format("{}  {}:{}, {} old  {}\n  {}\n", terminal.paint(Colour::bold, one_line(message.id)), record.partition,
                              record.offset, brief_duration(static_cast<double>(now_ms() - record.time_ms) / 1000.0),
                              one_line(message.type), shorten(dump(body_as_json(message.body)), width - 2));
}

ExitCode read(Terminal& terminal, const ReadOptions& options) {
  const auto from = position_of(options);
  if (!from) return terminal.problem(ExitCode::wrong_usage, from.error().message, "remuda stream read --help");
  Result<ChannelAccess> stream = open_channel(options.broker, options.stream, "stream");
  if (!stream) return refused(terminal, stream.error());
  std::optional<std::uint32_t> partition;
  if (options.partition) partition = static_cast<std::uint32_t>(std::max(0, *options.partition));
  Result<StreamCursor> cursor = StreamCursor::open(*stream->client, options.stream, partition, *from);
  if (!cursor) return refused(terminal, cursor.error());
  const SystemClock clock;
  const Instant end = clock.now() + options.timeout.value_or(std::chrono::hours{24 * 365});
  int shown = 0;
  while (terminal.out.good() && (options.max <= 0 || shown < options.max)) {
    const auto record = cursor->next();
    if (!record) return refused(terminal, record.error());
    if (record->has_value()) {
      const Result<Message> message = unpack_message((*record)->message);
      if (!message) return refused(terminal, message.error());
      show_record(terminal, **record, *message, options.json);
      ++shown;
      continue;
    }
    terminal.out.flush();
    if (!options.follow) break;
    if (clock.now() >= end) {
      if (options.max <= 0) break;
      return terminal.problem(ExitCode::timed_out, "not enough was appended in time", "a longer --timeout");
    }
    poll({}, look_interval.count());
  }
  if (shown == 0 && !options.follow) terminal.err << fmt::format("{}: nothing there\n", options.stream);
  return ExitCode::done;
}

}  // namespace

Command stream_verb() {
  auto ls = std::make_shared<ListOptions>();
  auto info = std::make_shared<InfoOptions>();
  auto reading = std::make_shared<ReadOptions>();
  Command command{.name = "stream", .summary = "Look into streams: what is kept, who has read how far; read them again"};
  command.subcommands.push_back({.name = "ls",
                                 .summary = "All streams with what they keep and how far their groups are",
                                 .options = with_broker(ls->broker, {json_option(ls->json)}),
                                 .run = [ls](Terminal& terminal) { return list(terminal, *ls); }});
  command.subcommands.push_back({.name = "info",
                                 .summary = "One stream with its settings, partitions and groups",
                                 .options = with_broker(info->broker, {stream_argument(info->stream), json_option(info->json)}),
                                 .run = [info](Terminal& terminal) { return show_info(terminal, *info); }});
  command.subcommands.push_back(
      {.name = "read",
       .summary = "Print records from any position; no group notices",
       .details = "Partitions are read together, in the order in which their records came. 'remuda topic pub STREAM' appends.",
       .options =
           with_broker(reading->broker,
                       {stream_argument(reading->stream),
                        {"--from", "Where to begin (oldest)", &reading->from, false, {"oldest", "latest"}},
                        {"--offset", "Begin at this offset, of each partition", &reading->offset},
                        {"--time", "Begin with what came since: 2026-11-26T07:00:00Z, or 10m for ten minutes ago", &reading->time},
                        {"--partition", "Only this one, from 0", &reading->partition},
                        {"-n,--max", "End after this many", &reading->max},
                        {"-f,--follow", "Go on with what is appended", &reading->follow},
                        {"--timeout", "With --follow: end after this long", &reading->timeout},
                        json_option(reading->json)}),
       .run = [reading](Terminal& terminal) { return read(terminal, *reading); }});
  return command;
}

}  // namespace remuda::cli
