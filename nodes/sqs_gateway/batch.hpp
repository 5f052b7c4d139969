#pragma once
// What the three batch verbs have in common: their entries, and one result for each. Pure.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nodes/sqs_gateway/answer.hpp"

namespace remuda::sqs {

struct BatchEntry {
  std::string id;
  const nlohmann::json* given = nullptr;
};
/// `request_entry`: "SendMessageBatchRequestEntry". Errors: `empty_batch_request`, `too_many_entries`, `invalid_batch_entry_id`,
/// `batch_entry_ids_not_distinct`.
Answered<std::vector<BatchEntry>> read_batch(const nlohmann::json& given, std::string_view request_entry);

/// Collects what became of the entries.
class BatchResults {
 public:
  void succeed(const std::string& id, Output more = Output::object());
  void fail(const std::string& id, const AwsError& error);
  [[nodiscard]] Output output() const;

 private:
  Output successful_ = Output::array();
  Output failed_ = Output::array();
};

}  // namespace remuda::sqs
