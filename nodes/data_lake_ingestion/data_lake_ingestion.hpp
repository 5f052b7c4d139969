#pragma once
// Data lake ingestion: lays every ride down in files that analysts' tools read: FOLDER/year=/month=/day=/hour=/rides-….ndjson.gz.
// A ride is acknowledged once it is in the durable spool; files follow by size or time.
//
// On port `documents` it takes messages of any other kind, each becoming a line of JSON under the hour of its time.
//
// GET of its route answers {"rides", "spooled", "files", ...figures}.

#include <memory>

#include "nodes/data_lake_ingestion/lake_spool.hpp"
#include "nodes/wild_rydes/ride_service.hpp"

namespace remuda::rides {

class DataLakeIngestion final : public RideService {
 public:
  DataLakeIngestion();
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void stop() override;

 private:
  std::unique_ptr<LakeSpool> spool_;

  [[nodiscard]] std::int64_t now_ms();
  Outcome on_document(const Message& message, Outbox& out);
  void prepare(Database& database) override;
  void record(const Ride& ride) override;
  Message answer(const http::RoutedRequest& question) override;
  std::string totals_json() override;
};

}  // namespace remuda::rides
