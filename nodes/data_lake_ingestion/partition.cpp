#include "nodes/data_lake_ingestion/partition.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/clock.hpp"
#include "common/msgpack_reader.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

namespace {

struct UtcTime {
  std::chrono::year_month_day day;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
};

UtcTime utc(std::int64_t ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds{ms}};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  return {std::chrono::year_month_day{midnight}, std::chrono::hh_mm_ss<std::chrono::milliseconds>{time - midnight}};
}

}  // namespace

std::string partition_of(std::int64_t completed_ms) {
  const UtcTime at = utc(completed_ms);
  return fmt::format("year={:04}/month={:02}/day={:02}/hour={:02}", static_cast<int>(at.day.year()),
                     static_cast<unsigned>(at.day.month()), static_cast<unsigned>(at.day.day()), at.time.hours().count());
}

std::string lake_file_name(std::string_view files, std::int64_t first_row, std::int64_t last_row) {
  return fmt::format("{}-{:020}-{:020}.ndjson.gz", files, first_row, last_row);
}

std::string lake_line(const Ride& ride) {
  const UtcTime at = utc(ride.completed_ms);
  return fmt::format(
      R"({{"id":{},"customer":{},"from":{},"to":{},"distance":{},"duration":{},"fare":{},"completed_at":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z"}})",
      json_text(ride.id), json_text(ride.customer), json_text(ride.from), json_text(ride.to), ride.distance.text(),
      ride.duration.text(), ride.fare.text(), static_cast<int>(at.day.year()), static_cast<unsigned>(at.day.month()),
      static_cast<unsigned>(at.day.day()), at.time.hours().count(), at.time.minutes().count(), at.time.seconds().count(),
      at.time.subseconds().count());
}

Result<std::string> document_line(const Message& message) {
  using Json = nlohmann::ordered_json;
  const auto body =
      is_msgpack(message.body) ? Json::from_msgpack(message.body, true, false) : Json::parse(message.body, nullptr, false);
  if (!body.is_object()) return fail("malformed_document", "the body is neither a msgpack map nor a JSON object");
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string gzip(std::string_view content) {
  z_stream stream{};
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error{"gzip: out of memory"};
  std::string compressed(deflateBound(&stream, content.size()) + 32, '\0');
  // zlib does not write through next_in, but says so only where z_const is defined.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int code = deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error{"gzip: the content did not fit"};
  return compressed;
}

}  // namespace remuda::rides
