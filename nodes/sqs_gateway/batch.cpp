#include "nodes/sqs_gateway/batch.hpp"

#include <algorithm>
#include <set>

#include "nodes/sqs_gateway/input.hpp"
#include "nodes/sqs_gateway/names.hpp"

namespace remuda::sqs {

Answered<std::vector<BatchEntry>> read_batch(const nlohmann::json& given, std::string_view request_entry) {
  constexpr std::size_t entries_max = 10;
  Input in{given};
  const auto* entries = in.structure("Entries");
  if (in.error()) return Failure{*in.error()};
  if (entries == nullptr || entries->empty())
    return refuse(Fault::empty_batch_request, "There should be at least one " + std::string{request_entry} + " in the request.");
  if (entries->size() > entries_max)
    return refuse(Fault::too_many_entries,
                  "Maximum number of entries per request are 10. You have sent " + std::to_string(entries->size()) + ".");
  std::vector<BatchEntry> batch;
  std::set<std::string> seen;
  for (const auto& entry : *entries) {
    if (!entry.is_object()) return refuse(Fault::malformed_input, "An entry of the batch is no structure.");
    Input fields{entry};
    auto id = fields.text("Id");
    if (fields.error()) return Failure{*fields.error()};
    if (!is_queue_name(id) || is_fifo_name(id))  // the same characters and the same length
      return refuse(
          Fault::invalid_batch_entry_id,
          "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.");
    if (!seen.insert(id).second) return refuse(Fault::batch_entry_ids_not_distinct, "Id " + id + " repeated.");
    batch.push_back({std::move(id), &entry});
  }
  return batch;
}

void BatchResults::succeed(const std::string& id, Output more) {
  Output entry{{"Id", id}};
  entry.update(more);
  successful_.push_back(std::move(entry));
}

void BatchResults::fail(const std::string& id, const AwsError& error) {
  failed_.push_back({{"Id", id}, {"SenderFault", error.is_senders()}, {"Code", error.code()}, {"Message", error.message}});
}

Output BatchResults::output() const {
  auto out = Output::object();
  if (!successful_.empty() || failed_.empty()) out["Successful"] = successful_;
  if (!failed_.empty()) out["Failed"] = failed_;
  return out;
}

}  // namespace remuda::sqs
