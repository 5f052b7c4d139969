#pragma once
// Structured logs to stderr: one event per line, a sentence and key-value fields. On a terminal as coloured text, otherwise as
// one JSON object per line, so that the supervisor and log collectors need no parser of their own.
//
//     log_info("queue declared", {{"queue", name}, {"max_receives", 5}});
//
// Never give it a secret or a message body. From any thread.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "common/result.hpp"

namespace remuda {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { automatic, text, json };  ///< automatic: text on a terminal, JSON lines otherwise

/// "debug", "info", "warning", "error".
[[nodiscard]] std::string_view name_of(LogLevel level);

/// One fact of an event. Names are the project's vocabulary; a number's unit ends the name: `wait_ms`.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
  std::string_view name;
  Value value;

  LogField(std::string_view n, std::string_view text) : name{n}, value{text} {}
  LogField(std::string_view n, const char* text) : name{n}, value{std::string_view{text}} {}
  LogField(std::string_view n, const std::string& text) : name{n}, value{std::string_view{text}} {}
  LogField(std::string_view n, bool truth) : name{n}, value{truth} {}
  LogField(std::string_view n, double number) : name{n}, value{number} {}
  template <std::signed_integral T>
  LogField(std::string_view n, T number) : name{n}, value{static_cast<std::int64_t>(number)} {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) LogField(std::string_view n, T number) : name{n}, value{static_cast<std::uint64_t>(number)} {}
};
using LogFields = std::initializer_list<LogField>;

/// Sets up the process's log; `name` (of the node or broker, with its replica) stands in every line. Before the first event; later
/// calls replace it.
void start_log(const std::string& name, LogFormat format = LogFormat::automatic, LogLevel lowest = LogLevel::info);
/// "text", "json", "auto". Errors: `invalid_log_format`.
Result<LogFormat> parse_log_format(std::string_view text);
/// "debug", "info", "warning" (also "warn"), "error". Errors: `invalid_log_level`.
Result<LogLevel> parse_log_level(std::string_view text);

[[nodiscard]] bool logs(LogLevel level);
void log_event(LogLevel level, std::string_view sentence, LogFields fields = {});
inline void log_debug(std::string_view sentence, LogFields fields = {}) {
  log_event(LogLevel::debug, sentence, fields);
}
inline void log_info(std::string_view sentence, LogFields fields = {}) {
  log_event(LogLevel::info, sentence, fields);
}
inline void log_warning(std::string_view sentence, LogFields fields = {}) {
  log_event(LogLevel::warning, sentence, fields);
}
inline void log_error(std::string_view sentence, LogFields fields = {}) {
  log_event(LogLevel::error, sentence, fields);
}

/// The line as it would be written, for tests: JSON object, or `12:00:00.000 info  sentence  name=value` with `colour`.
[[nodiscard]] std::string json_log_line(std::string_view name, LogLevel level, std::int64_t time_ms, std::string_view sentence,
                                        LogFields fields);
[[nodiscard]] std::string text_log_line(std::string_view name, LogLevel level, std::int64_t time_ms, std::string_view sentence,
                                        LogFields fields, bool colour);

}  // namespace remuda
