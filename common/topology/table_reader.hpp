#pragma once
// Reads one table of a launch file key by key: typed, bounded, and in the end every key that nobody asked for is an error.
// A wrong value is reported once and then counts as absent, so one pass finds all errors.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/topology/diagnostics.hpp"
#include "common/topology/launch_file.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

class TableReader {
 public:
  /// `title` names the table in sentences: `[queues.rides]`. `defaults` supplies keys that `table` does not have. All must
  /// outlive the reader.
  TableReader(std::string title, const Value& table, const Value* defaults, Diagnostics& diagnostics);

  /// The value of a key, or null. Asking makes the key a known one.
  const Value* take(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) { return take(key) != nullptr; }
  /// True when the key stands in the table itself and not only in the defaults.
  [[nodiscard]] bool has_own(std::string_view key) const { return table_.find(key) != nullptr; }

  std::optional<std::string> text(std::string_view key);
  /// Text with its place; empty when absent.
  Name name(std::string_view key);
  /// One text or a list of texts.
  std::vector<Name> names(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::chrono::milliseconds> duration(std::string_view key, std::chrono::milliseconds min,
                                                    std::chrono::milliseconds max);
  std::optional<std::uint64_t> size(std::string_view key, std::uint64_t min, std::uint64_t max);
  /// One of `words`.
  std::optional<std::string> choice(std::string_view key, const std::vector<std::string>& words);
  /// A table of texts.
  std::map<std::string, std::string> texts(std::string_view key);
  /// A nested table with the defaults' table of the same name behind it; nothing when neither is there.
  std::optional<TableReader> table(std::string_view key);

  /// Reports every key that was never asked for (T004).
  void finish();

  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] Diagnostics& diagnostics() { return diagnostics_; }

 private:
  std::string title_;
  const Value& table_;
  const Value* defaults_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;

  std::optional<std::string> text_of(std::string_view key, const Value& value);
  void wrong_type(std::string_view key, const Value& value, std::string_view wanted);
};

/// True when `value` is of `kind`; an unreadable value counts as neither right nor wrong and gives false in silence, others
/// are reported (T006).
[[nodiscard]] bool expect(const Value& value, Value::Kind kind, std::string_view what, Diagnostics& diagnostics);

}  // namespace remuda::topology
