#pragma once
// The settings of a queue as words of a command line: what `queue create` and `queue set` have in common.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "common/result.hpp"
#include "common/topology/plan.hpp"

namespace remuda::cli {

/// What was said; everything else stays as it is. An empty text takes a setting away: `--filter ''`, `--dead-letter ''`.
struct QueueSettings {
  std::optional<std::string> from;
  std::optional<std::string> filter;
  std::optional<std::string> filter_scope;
  std::optional<std::chrono::milliseconds> visibility_timeout;
  std::optional<std::chrono::milliseconds> retention;
  std::optional<std::chrono::milliseconds> delay;
  std::optional<std::string> dead_letter;
  std::optional<int> max_receives;
  std::optional<std::string> max_message_size;
  std::optional<int> max_messages;
  std::optional<std::string> max_bytes;
  std::optional<std::string> durability;
  std::vector<std::string> tags;  ///< NAME=VALUE; NAME= takes it away
  std::optional<std::string> group_by;
  std::optional<std::string> dedup_by;
  std::optional<std::string> dedup_scope;
  std::optional<std::string> on_dead;
};
std::vector<Option> queue_settings_options(QueueSettings& settings);

/// Applies what was said to `queue`. Ranges are the broker's business. Errors: `invalid_argument` with what to say instead.
[[nodiscard]] Result<void> apply_settings(const QueueSettings& settings, topology::QueuePlan& queue);

}  // namespace remuda::cli
