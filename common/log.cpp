#include "common/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

namespace remuda {

namespace {

struct Settings {
  std::string name;
  bool json = true;
  bool colour = false;
  std::shared_ptr<spdlog::logger> out;
};

std::atomic<LogLevel> lowest_level{LogLevel::info};

/// Replaced by start_log while other threads may be logging: they keep the settings that they have taken.
std::shared_ptr<const Settings>& settings() {
  static std::shared_ptr<const Settings> current;
  return current;
}

std::string_view colour_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "\x1b[2m";
    case LogLevel::info:
      return "\x1b[32m";
    case LogLevel::warning:
      return "\x1b[33m";
    case LogLevel::error:
      return "\x1b[31m";
  }
  return "";
}

/// A field in the text form: bare when that reads unambiguously, quoted otherwise; never a control character on a terminal.
std::string text_value(const LogField::Value& value) {
  const auto* text = std::get_if<std::string_view>(&value);
  if (text == nullptr) {
    return std::visit(
        [](const auto& v) -> std::string {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string_view>) {
            return {};
          } else {
            return fmt::format("{}", v);
          }
        },
        value);
  }
  const bool bare =
      !text->empty() && text->find_first_of(" \"=") == std::string_view::npos &&
      std::none_of(text->begin(), text->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (bare) return std::string{*text};
  return nlohmann::json(*text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_colourful_terminal() {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

}  // namespace

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "?";
}

void start_log(const std::string& name, LogFormat format, LogLevel lowest) {
  auto fresh = std::make_shared<Settings>();
  fresh->name = name;
  fresh->json = format == LogFormat::json || (format == LogFormat::automatic && isatty(STDERR_FILENO) != 1);
  fresh->colour = is_colourful_terminal();
  fresh->out = std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  fresh->out->set_pattern("%v");
  fresh->out->set_level(spdlog::level::trace);
  fresh->out->flush_on(spdlog::level::trace);
  lowest_level = lowest;
  std::atomic_store(&settings(), std::shared_ptr<const Settings>{std::move(fresh)});
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "auto") return LogFormat::automatic;
  if (text == "text") return LogFormat::text;
  if (text == "json") return LogFormat::json;
  return fail("invalid_log_format", "'" + std::string{text} + "' is no log format; use text, json or auto");
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (text == name_of(level)) return level;
  }
  if (text == "warn") return LogLevel::warning;  // what many other programs call it
  return fail("invalid_log_level", "'" + std::string{text} + "' is no log level; use debug, info, warning or error");
}

bool logs(LogLevel level) {
  return level >= lowest_level.load(std::memory_order_relaxed);
}

void log_event(LogLevel level, std::string_view sentence, LogFields fields) {
  if (!logs(level)) return;
  auto current = std::atomic_load(&settings());
  if (!current) {
    start_log("");
    current = std::atomic_load(&settings());
  }
  const auto time_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  current->out->info("{}", current->json ? json_log_line(current->name, level, time_ms, sentence, fields)
                                         : text_log_line(current->name, level, time_ms, sentence, fields, current->colour));
}

std::string json_log_line(std::string_view name, LogLevel level, std::int64_t time_ms, std::string_view sentence,
                          LogFields fields) {
  nlohmann::ordered_json line;
  line["time_ms"] = time_ms;
  line["level"] = name_of(level);
  line["name"] = name;
  line["event"] = sentence;
  for (const auto& field : fields) {
    std::visit([&](const auto& value) { line[std::string{field.name}] = value; }, field.value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string text_log_line(std::string_view name, LogLevel level, std::int64_t time_ms, std::string_view sentence, LogFields fields,
                          bool colour) {
  const std::chrono::system_clock::time_point time{std::chrono::milliseconds{time_ms}};
  const auto paint = [&](std::string_view code) { return colour ? code : std::string_view{}; };
  std::string line =
      fmt::format("{}{:%H:%M:%S}.{:03}{} {}{:<7}{} ", paint("\x1b[2m"), fmt::localtime(std::chrono::system_clock::to_time_t(time)),
                  time_ms % 1'000, paint("\x1b[0m"), paint(colour_of(level)), name_of(level), paint("\x1b[0m"));
  if (!name.empty()) line += fmt::format("{}{}{} ", paint("\x1b[1m"), name, paint("\x1b[0m"));
  line += sentence;
  for (const auto& field : fields)
    line += fmt::format(" {}{}={}{}", paint("\x1b[2m"), field.name, paint("\x1b[0m"), text_value(field.value));
  return line;
}

}  // namespace remuda
