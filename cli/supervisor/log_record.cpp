#include "cli/supervisor/log_record.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "cli/table.hpp"

namespace remuda::supervisor {

using cli::Colour;

std::optional<LogLevel> log_level_of(std::string_view word) {
  if (word == "debug" || word == "trace") return LogLevel::debug;
  if (word == "info") return LogLevel::info;
  if (word == "warning" || word == "warn") return LogLevel::warning;
  if (word == "error" || word == "err" || word == "critical") return LogLevel::error;
  return std::nullopt;
}

namespace {

std::string as_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The text of the first of `keys` that is there; it is taken out of `object`.
std::string take(nlohmann::json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_structured()) continue;
    std::string text = as_text(*found);
    object.erase(found);
    return text;
  }
  return {};
}

Colour colour_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return Colour::dim;
    case LogLevel::info:
      return Colour::none;
    case LogLevel::warning:
      return Colour::yellow;
    case LogLevel::error:
      return Colour::red;
  }
  return Colour::none;
}

/// The same name has the same colour in every run. Red and yellow are left to levels.
Colour colour_of(std::string_view node) {
  static constexpr std::array<Colour, 4> palette{Colour::cyan, Colour::green, Colour::magenta, Colour::blue};
  std::size_t hash = 0;
  for (const char byte : node) hash = hash * 31 + static_cast<unsigned char>(byte);
  return palette.at(hash % palette.size());
}

}  // namespace

LogRecord interpret_line(std::string_view line, bool from_stderr, std::string node, int replica, WallTime received) {
  LogRecord record{received, std::move(node), replica, from_stderr ? LogLevel::warning : LogLevel::info, std::string{line}, {}};
  if (!line.starts_with('{')) return record;
  nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return record;
  const std::string level = take(object, {"level"});
  const std::string text = take(object, {"event", "message", "msg", "text"});
  const auto known = log_level_of(level);
  if (text.empty() || !known) return record;
  record.level = *known;
  record.text = text;
  take(object, {"time", "ts", "time_ms"});  // our own stamp is the one that orders lines of different processes
  take(object, {"name"});
  take(object, {"replica"});
  for (const auto& [key, value] : object.items()) record.fields.emplace_back(key, as_text(value));
  return record;
}

std::string to_json_line(const LogRecord& record) {
  nlohmann::ordered_json object;
  object["time_ms"] = to_unix_ms(record.time);
  object["node"] = record.node;
  object["replica"] = record.replica;
  object["level"] = name_of(record.level);
  object["text"] = record.text;
  if (!record.fields.empty()) {
    auto& fields = object["fields"];
    for (const auto& [key, value] : record.fields) fields[key] = value;
  }
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<LogRecord> from_json_line(std::string_view line) {
  const nlohmann::ordered_json object = nlohmann::ordered_json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto text_of = [&](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  const auto number_of = [&](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : std::int64_t{-1};
  };
  const std::int64_t time_ms = number_of("time_ms");
  const auto level = log_level_of(text_of("level"));
  if (time_ms < 0 || !level || text_of("node").empty()) return std::nullopt;
  LogRecord record{from_unix_ms(time_ms), text_of("node"), static_cast<int>(number_of("replica")), *level, text_of("text"), {}};
  const auto fields = object.find("fields");
  if (fields != object.end() && fields->is_object()) {
    for (const auto& [key, value] : fields->items()) {
      if (value.is_string()) record.fields.emplace_back(key, value.get<std::string>());
    }
  }
  return record;
}

std::string process_name(std::string_view node, int replica, int replicas) {
  return replicas > 1 || replica > 0 ? fmt::format("{}/{}", node, replica) : std::string{node};
}

std::string render(const LogRecord& record, std::size_t name_width, bool colours) {
  const auto since_epoch = std::chrono::time_point_cast<std::chrono::milliseconds>(record.time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(record.time);
  const auto milliseconds = since_epoch.time_since_epoch().count() % 1000;
  const std::string time = fmt::format("{:%H:%M:%S}.{:03}", fmt::localtime(seconds), milliseconds);
  std::string name = process_name(record.node, record.replica, 1);
  name.resize(std::max(name.size(), name_width), ' ');
  std::string line = cli::paint(colours, Colour::dim, time) + ' ' + cli::paint(colours, colour_of(record.node), name + " |") + ' ';
  std::string text = cli::one_line(record.text);
  if (record.level >= LogLevel::warning) text = std::string{name_of(record.level)} + ": " + text;
  line += cli::paint(colours, colour_of(record.level), text);
  for (const auto& [key, value] : record.fields) {
    line += ' ' + cli::paint(colours, Colour::dim, cli::one_line(key) + "=") + cli::one_line(value);
  }
  return line;
}

std::vector<std::string> LineSplitter::add(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::size_t piece = std::min({newline, bytes.size(), line_size_max - held_.size()});
    held_.append(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    const bool complete = !bytes.empty() && bytes.front() == '\n';
    if (complete) bytes.remove_prefix(1);
    if (complete || held_.size() == line_size_max) {
      if (!held_.empty() && held_.back() == '\r') held_.pop_back();
      lines.push_back(std::exchange(held_, {}));
    }
  }
  return lines;
}

}  // namespace remuda::supervisor
