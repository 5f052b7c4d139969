#pragma once
// Stream writer: lays the records of a stream down in files that analysts' tools read, by size or time, whichever comes first:
// FOLDER/year=/month=/day=/hour=/FILES-….ndjson.gz. For any topology; each record becomes a line of JSON under the hour of its time.
//
//   ports  = { records = "bookings" }
//   params = { files = "bookings", roll_size = "8MiB", roll_interval = "10s" }
//
// Every record is in one file, once. A batch is confirmed once it is in the durable spool, and the spool remembers in the same
// transaction up to which place of each partition it has everything: what a crash repeats is passed over. Files follow from the spool
// as nodes/data_lake_ingestion/lake_spool.hpp says. A record whose body is no JSON object and no msgpack map is rejected.
// What comes from a channel without places, such as a queue, is told apart by its id.

#include <cstdint>
#include <memory>
#include <string>

#include "common/node.hpp"
#include "nodes/data_lake_ingestion/lake_spool.hpp"
#include "nodes/wild_rydes/ledger.hpp"

namespace remuda {

class StreamWriter final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override;
  void stop() override;

 private:
  NodeContext* context_ = nullptr;
  std::unique_ptr<rides::Ledger> ledger_;
  std::unique_ptr<rides::LakeSpool> spool_;
  rides::Statement position_;
  rides::Statement advance_;

  /// False: it is in the spool already.
  bool add(const Message& message, const std::string& line, const Delivery& delivery);
  void count(std::string_view figure);
  void roll(bool all);
  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] Message figures();
};

}  // namespace remuda
