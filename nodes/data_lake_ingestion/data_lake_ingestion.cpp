#include "nodes/data_lake_ingestion/data_lake_ingestion.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/log.hpp"
#include "nodes/data_lake_ingestion/partition.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

DataLakeIngestion::DataLakeIngestion()
    : RideService{
          {.executable = "data_lake_ingestion",
           .summary = "writes rides into partitioned, compressed files",
           .schema = std::string{LakeSpool::schema},
           .parameters = {{"folder", ParameterType::text, "\"\"", "where the files go; empty: `lake` in the node's data folder"},
                          {"files", ParameterType::text, "\"rides\"", "what the names of the files begin with"},
                          {"roll_rides", ParameterType::integer, "10000", "rides in a file, at most"},
                          {"roll_size", ParameterType::size, "\"8MiB\"",
                           "roll a partition when its lines reach this size, before compression"},
                          {"roll_interval", ParameterType::duration, "\"10s\"",
                           "roll a partition when its oldest ride has waited this long"}}}} {}

NodeDescription DataLakeIngestion::describe() const {
  auto description = RideService::describe();
  for (auto& port : description.ports) port.optional = true;
  description.ports.push_back(
      {.name = "documents", .direction = Direction::input, .message = "document", .wants_acknowledgement = true, .optional = true});
  return description;
}

void DataLakeIngestion::start(NodeContext& node_context) {
  RideService::start(node_context);
  const Parameters& parameters = node_context.parameters();
  RollLimits limits;
  limits.rides_max = parameters.integer("roll_rides");
  limits.size_bytes_max = static_cast<std::int64_t>(parameters.size("roll_size"));
  limits.age_ms_max = parameters.duration("roll_interval").count();
  if (limits.rides_max < 1) throw std::invalid_argument{"parameter roll_rides must be at least 1"};
  std::string folder = parameters.text("folder");
  if (folder.empty()) folder = node_context.data_folder() + "/lake";
  spool_ = std::make_unique<LakeSpool>(ledger(), std::move(folder), limits, node_context.data_folder() + "/roll.lock",
                                       parameters.text("files"));
  // Often enough that a file is at most a quarter of the interval late, and never busy.
  const auto pace = std::clamp<std::chrono::milliseconds>(std::chrono::milliseconds{limits.age_ms_max / 4},
                                                          std::chrono::milliseconds{50}, std::chrono::seconds{1});
  node_context.every(pace, [this] {
    try {
      spool_->roll(now_ms());
    } catch (const std::exception& error) {
      log_error("cannot write lake files; the rides stay in the spool and are tried again", {{"error", error.what()}});
      context().count("roll_failed");
    }
  });
}

Outcome DataLakeIngestion::on_message(std::string_view port, const Message& message, Outbox& out) {
  return port == "documents" ? on_document(message, out) : RideService::on_message(port, message, out);
}

Outcome DataLakeIngestion::on_document(const Message& message, Outbox& out) {
  count(figure::received);
  if (out.delivery().receive_count > 1) count(figure::redelivered);
  const auto line = document_line(message);
  if (!line) {
    count(figure::rejected);
    return Outcome::reject.because(line.error().message);
  }
  const std::int64_t arrived_ms = now_ms();
  const auto applied = ledger().apply(
      message.id, [&] { spool_->add(partition_of(message.time_ms == 0 ? arrived_ms : message.time_ms), *line, arrived_ms); });
  count(applied == Ledger::Applied::first_time ? figure::processed : figure::repeated);
  return Outcome::done;
}

void DataLakeIngestion::stop() {
  try {
    spool_->roll(now_ms(), true);
  } catch (const std::exception& error) {
    log_error("cannot write lake files; the rides stay in the spool for the next start", {{"error", error.what()}});
  }
}

std::int64_t DataLakeIngestion::now_ms() {
  return to_unix_ms(context().clock().wall_now());
}

void DataLakeIngestion::prepare(Database&) {}

void DataLakeIngestion::record(const Ride& ride) {
  Ride timed = ride;
  if (timed.completed_ms == 0) timed.completed_ms = now_ms();
  spool_->add(partition_of(timed.completed_ms), lake_line(timed), now_ms());
}

Message DataLakeIngestion::answer(const http::RoutedRequest&) {
  return totals();
}

std::string DataLakeIngestion::totals_json() {
  const auto totals = spool_->totals();
  return "\"rides\":" + std::to_string(totals.spooled + totals.rides_in_files) + ",\"spooled\":" + std::to_string(totals.spooled) +
         ",\"files\":" + std::to_string(totals.files) + ",";
}

}  // namespace remuda::rides
