#include "nodes/windowed_counter/windowed_counter.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace remuda {
namespace {

constexpr std::chrono::milliseconds tick_interval{50};
constexpr int schema_version = 1;
constexpr std::int64_t before_everything = -1'000'000'000'000'000;  ///< Unix milliseconds, 30,000 years ago
constexpr std::int64_t without_partition = -1;                      ///< what comes from a channel without places

std::string schema() {
  return "CREATE TABLE window (start_ms INTEGER NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (start_ms, key)) "
         "WITHOUT ROWID;"
         "CREATE TABLE position (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, newest_ms INTEGER NOT NULL);"
         "CREATE TABLE closed (until_ms INTEGER NOT NULL);"
         "INSERT INTO closed VALUES (-9223372036854775807);" +
         std::string{rides::OutboxRelay::schema};
}

/// The start of the window that holds `time_ms`, also before 1970.
std::int64_t window_start(std::int64_t time_ms, std::int64_t window_ms) {
  const std::int64_t into = time_ms % window_ms;
  return time_ms - (into < 0 ? into + window_ms : into);
}

}  // namespace

NodeDescription WindowedCounter::describe() const {
  return {.name = "windowed_counter",
          .summary = "counts the records of a stream in tumbling windows, by key",
          .ports = {{.name = "records", .direction = Direction::input, .message = "record", .wants_acknowledgement = true},
                    {.name = "counts", .direction = Direction::output, .message = "window.counted", .optional = true},
                    {.name = "query", .direction = Direction::input, .message = "question", .request = true, .optional = true}},
          .parameters = {
              {"window", ParameterType::duration, "\"1m\"", "how long a window is"},
              {"key", ParameterType::text, "\"\"",
               "where a record names what it is counted under: body.PATH, attributes.NAME, group_id; empty: all together"},
              {"lateness", ParameterType::duration, "\"0s\"", "how far out of order records may come and still count"},
              {"idle", ParameterType::duration, "\"5s\"", "when no record has come for this long, windows end by the clock"}}};
}

void WindowedCounter::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  window_ms_ = parameters.duration("window").count();
  lateness_ms_ = parameters.duration("lateness").count();
  idle_ = parameters.duration("idle");
  if (window_ms_ < 1) throw std::invalid_argument{"parameter window must be longer than nothing"};
  if (const std::string key = parameters.text("key"); !key.empty()) {
    auto compiled = Selector::compile(key);
    if (!compiled) throw std::invalid_argument{"parameter key: " + compiled.error().message};
    key_ = *std::move(compiled);
  }
  database_ = std::make_unique<rides::Database>(context.data_folder() + "/windowed_counter.sqlite", schema(), schema_version);
  transaction_ = std::make_unique<rides::BatchTransaction>(*database_);
  relay_ =
      std::make_unique<rides::OutboxRelay>(*database_, *transaction_, context, "counts", context.data_folder() + "/relay.lock");
  position_ = database_->prepare("SELECT next FROM position WHERE partition = ?");
  advance_ = database_->prepare(
      "INSERT INTO position VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET next = ?2, newest_ms = max(newest_ms, ?3)");
  newest_ = database_->prepare("SELECT newest_ms FROM position ORDER BY newest_ms LIMIT 1");
  add_ = database_->prepare("INSERT INTO window VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET count = count + 1");
  over_ = database_->prepare("SELECT start_ms, key, count FROM window WHERE start_ms < ? ORDER BY start_ms, key LIMIT 1000");
  remove_ = database_->prepare("DELETE FROM window WHERE start_ms = ? AND key = ?");
  closed_ = database_->prepare("SELECT until_ms FROM closed");
  close_ = database_->prepare("UPDATE closed SET until_ms = ?1 WHERE until_ms < ?1");
  open_windows_ = database_->prepare("SELECT start_ms, key, count FROM window ORDER BY start_ms, key LIMIT 1000");
  last_record_ = context.clock().now();
  context.every(tick_interval, [this] { tick(); });
  relay_->relay();
}

Outcome WindowedCounter::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "query") {
    out.reply(answer());
  } else {
    const Delivery delivery = out.delivery();
    transaction_->apply([&] { on_record(message, delivery); });
  }
  return Outcome::done;
}

void WindowedCounter::on_record(const Message& message, const Delivery& delivery) {
  last_record_ = context_->clock().now();
  const std::int64_t partition = delivery.place ? std::int64_t{delivery.place->partition} : without_partition;
  const std::int64_t offset = delivery.place ? static_cast<std::int64_t>(delivery.place->offset) : 0;
  if (delivery.place) {
    const bool is_repeated = position_.rows(partition).step() && offset < position_.integer(0);
    position_.reset();
    if (is_repeated) return count("repeated");
  }
  const std::int64_t came_ms = delivery.place ? delivery.place->time_ms : now_ms();
  const std::int64_t time_ms = message.time_ms != 0 ? message.time_ms : came_ms;
  const std::int64_t start = window_start(time_ms, window_ms_);
  const bool is_late = start < closed_until();
  if (!is_late) add_.run(start, std::string_view{key_of(message)});
  advance_.run(partition, offset + 1, time_ms);
  count(is_late ? "late" : "counted");
}

std::string WindowedCounter::key_of(const Message& message) const {
  if (!key_) return {};
  const std::string packed = pack(message);
  const auto view = view_message(packed);
  return view ? key_->value(*view).value_or("") : std::string{};
}

std::int64_t WindowedCounter::closed_until() {
  closed_.rows().step();
  const std::int64_t until = closed_.integer(0);
  closed_.reset();
  return until;
}

std::int64_t WindowedCounter::watermark() {
  std::int64_t mark = before_everything;
  if (newest_.rows().step()) mark = newest_.integer(0) - lateness_ms_;
  newest_.reset();
  if (context_->clock().now() - last_record_ >= idle_) mark = std::max(mark, now_ms() - lateness_ms_);
  return window_start(mark, window_ms_);
}

void WindowedCounter::close_windows(std::int64_t until_ms) {
  struct Count {
    std::int64_t start_ms;
    std::string key;
    std::int64_t count;
  };
  std::vector<Count> counts;
  for (auto& row = over_.rows(until_ms); row.step();) counts.push_back({row.integer(0), row.text(1), row.integer(2)});
  over_.reset();
  for (const Count& each : counts) {
    remove_.run(each.start_ms, std::string_view{each.key});
    count("windows");
    if (!context_->is_wired("counts")) continue;
    Message result;
    result.id = derived_message_id(context_->node_name() + "/" + std::to_string(each.start_ms) + "/" + each.key, "counts", 0);
    result.source = context_->node_name();
    result.type = "window.counted";
    result.time_ms = now_ms();
    result.datacontenttype = "application/json";
    result.body = nlohmann::ordered_json{
        {"window_start_ms", each.start_ms},
        {"window_end_ms", each.start_ms + window_ms_},
        {"key", each.key},
        {"count",
         each.count}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    relay_->add(result);
  }
  close_.run(until_ms);  // what is left of a long backlog goes with the next ticks, and takes nothing more
}

void WindowedCounter::tick() {
  const std::int64_t until = watermark();
  const bool is_over = over_.rows(until).step();
  over_.reset();
  if (is_over) {
    transaction_->apply([&] { close_windows(until); });
    commit();
  }
  relay_->tick();
}

void WindowedCounter::commit() {
  if (!transaction_->is_open()) return;
  try {
    relay_->delete_confirmed();
    transaction_->commit();
  } catch (const rides::StoreError&) {
    transaction_->roll_back();
    throw;
  }
  relay_->relay();
}

void WindowedCounter::count(const std::string& figure) {
  ++figures_[figure];
  context_->count(figure);
}

std::int64_t WindowedCounter::now_ms() const {
  return to_unix_ms(context_->clock().wall_now());
}

Message WindowedCounter::answer() {
  nlohmann::ordered_json json;
  json["open"] = nlohmann::ordered_json::array();
  for (auto& row = open_windows_.rows(); row.step();)
    json["open"].push_back({{"window_start_ms", row.integer(0)}, {"key", row.text(1)}, {"count", row.integer(2)}});
  open_windows_.reset();
  for (const char* name : {"counted", "late", "repeated", "windows"}) json[name] = figures_[name];
  Message reply;
  reply.type = "windowed_counter.figures";
  reply.datacontenttype = "application/json";
  reply.body = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return reply;
}

}  // namespace remuda
