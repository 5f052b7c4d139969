#include "nodes/stream_writer/stream_writer.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/log.hpp"
#include "nodes/data_lake_ingestion/partition.hpp"

namespace remuda {
namespace {

std::string schema() {
  return std::string{rides::LakeSpool::schema} + "CREATE TABLE position (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);";
}

}  // namespace

NodeDescription StreamWriter::describe() const {
  return {.name = "stream_writer",
          .summary = "writes the records of a stream into partitioned, compressed files, each once",
          .ports = {{.name = "records", .direction = Direction::input, .message = "document", .wants_acknowledgement = true},
                    {.name = "query", .direction = Direction::input, .message = "question", .request = true, .optional = true}},
          .parameters = {
              {"folder", ParameterType::text, "\"\"", "where the files go; empty: `lake` in the node's data folder"},
              {"files", ParameterType::text, "\"records\"", "what the names of the files begin with"},
              {"roll_records", ParameterType::integer, "10000", "records in a file, at most"},
              {"roll_size", ParameterType::size, "\"8MiB\"", "write a file when its lines reach this size, before compression"},
              {"roll_interval", ParameterType::duration, "\"10s\"", "write a file when its oldest record has waited this long"}}};
}

void StreamWriter::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  rides::RollLimits limits;
  limits.rides_max = parameters.integer("roll_records");
  limits.size_bytes_max = static_cast<std::int64_t>(parameters.size("roll_size"));
  limits.age_ms_max = parameters.duration("roll_interval").count();
  if (limits.rides_max < 1) throw std::invalid_argument{"parameter roll_records must be at least 1"};
  std::string folder = parameters.text("folder");
  if (folder.empty()) folder = context.data_folder() + "/lake";
  ledger_ = std::make_unique<rides::Ledger>(context.data_folder() + "/stream_writer.sqlite", schema(), context.clock());
  position_ = ledger_->database().prepare("SELECT next FROM position WHERE partition = ?");
  advance_ = ledger_->database().prepare("INSERT INTO position VALUES (?1, ?2) ON CONFLICT DO UPDATE SET next = ?2");
  spool_ = std::make_unique<rides::LakeSpool>(*ledger_, std::move(folder), limits, context.data_folder() + "/roll.lock",
                                              parameters.text("files"));
  // Often enough that a file is at most a quarter of the interval late, and never busy.
  const auto pace = std::clamp<std::chrono::milliseconds>(std::chrono::milliseconds{limits.age_ms_max / 4},
                                                          std::chrono::milliseconds{50}, std::chrono::seconds{1});
  context.every(pace, [this] { roll(false); });
}

Outcome StreamWriter::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "query") {
    out.reply(figures());
    return Outcome::done;
  }
  count("received");
  const auto line = rides::document_line(message);
  if (!line) {
    count("rejected");
    return Outcome::reject.because(line.error().message);
  }
  count(add(message, *line, out.delivery()) ? "processed" : "repeated");
  return Outcome::done;
}

bool StreamWriter::add(const Message& message, const std::string& line, const Delivery& delivery) {
  const auto spool = [&] {
    const std::int64_t came_ms = delivery.place ? delivery.place->time_ms : now_ms();
    spool_->add(rides::partition_of(message.time_ms == 0 ? came_ms : message.time_ms), line, now_ms());
  };
  if (!delivery.place) return ledger_->apply(message.id, spool) == rides::Ledger::Applied::first_time;
  const std::int64_t partition = delivery.place->partition;
  const auto offset = static_cast<std::int64_t>(delivery.place->offset);
  bool is_new = true;
  ledger_->change([&] {
    if (position_.rows(partition).step()) is_new = offset >= position_.integer(0);
    position_.reset();
    if (!is_new) return;
    spool();
    advance_.run(partition, offset + 1);
  });
  return is_new;
}

void StreamWriter::commit() {
  ledger_->commit();
}

void StreamWriter::stop() {
  roll(true);
}

void StreamWriter::roll(bool all) {
  try {
    spool_->roll(now_ms(), all);
  } catch (const std::exception& error) {
    log_error("cannot write files; the records stay in the spool and are tried again", {{"error", error.what()}});
    context_->count("roll_failed");
  }
}

void StreamWriter::count(std::string_view figure) {
  context_->count(figure);
  ledger_->tally(figure);
}

std::int64_t StreamWriter::now_ms() const {
  return to_unix_ms(context_->clock().wall_now());
}

/// {"records":3,"spooled":1,"files":1,"received":3,...}
Message StreamWriter::figures() {
  const auto totals = spool_->totals();
  std::string json = "{\"records\":" + std::to_string(totals.spooled + totals.rides_in_files) +
                     ",\"spooled\":" + std::to_string(totals.spooled) + ",\"files\":" + std::to_string(totals.files);
  auto figures = ledger_->tallies();
  for (const char* name : {"received", "processed", "repeated", "rejected"}) figures.try_emplace(name, 0);
  for (const auto& [name, value] : figures) json += ",\"" + name + "\":" + std::to_string(value);
  Message answer;
  answer.type = "stream_writer.figures";
  answer.datacontenttype = "application/json";
  answer.body = json + "}";
  return answer;
}

}  // namespace remuda
