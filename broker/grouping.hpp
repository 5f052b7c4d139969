#pragma once
// What a FIFO queue or topic reads from a message: its message group and its deduplication key. SQS's rules, with the places where
// a message names them made selectable. Source: SQS Developer Guide, "FIFO queue and message identifiers"; content-based
// deduplication is by SHA-256 of the body.

#include <string>
#include <string_view>

#include "broker/engine/commands.hpp"
#include "common/filter/selector.hpp"
#include "common/result.hpp"

namespace remuda::broker {

/// The deduplication id of a message: its header `dedup_id`, or else what `deduplicate_by` selects.
/// Errors: `missing_deduplication_id`, definite.
Result<DeduplicationKey> deduplication_key(const MessageView& message, const Selector& deduplicate_by, std::string_view receiver,
                                           std::string_view within_group = {});

/// How one FIFO queue groups and deduplicates.
class GroupingRules {
 public:
  /// Errors: `invalid_selector`.
  static Result<GroupingRules> compile(std::string_view queue, const FifoAttributes& attributes);
  /// `group` keeps the text that the answer points to.
  /// Errors: `missing_group_id`, `missing_deduplication_id`, `invalid_argument` (a group of more than 128 bytes); all definite.
  Result<Grouping> of(const MessageView& message, std::string& group) const;
  [[nodiscard]] const FifoAttributes& attributes() const { return attributes_; }

 private:
  std::string queue_;
  FifoAttributes attributes_;
  Selector group_by_;
  Selector deduplicate_by_;
};

}  // namespace remuda::broker
