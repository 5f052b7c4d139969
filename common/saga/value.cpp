#include "common/saga/value.hpp"

#include <fmt/format.h>

#include <charconv>

namespace remuda::saga {

namespace {

using Kind = filter::JsonValue::Kind;

/// Takes what `value` needs from `left`; false once nothing is left.
bool fits(const Json& value, std::size_t depth, std::size_t& left) {
  if (depth > data_depth_max) return false;
  const std::size_t own = value.is_string() ? value.get_ref<const std::string&>().size() + 2 : 4;
  if (own > left) return false;
  left -= own;
  if (!value.is_structured()) return true;
  for (auto at = value.begin(); at != value.end(); ++at) {
    if (value.is_object()) {
      if (at.key().size() + 4 > left) return false;
      left -= at.key().size() + 4;
    }
    if (!fits(*at, depth + 1, left)) return false;
  }
  return true;
}

/// Reads the fixed number of digits at the front of `text`.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  int number = 0;
  if (text.size() < count) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, number);
  if (error != std::errc{} || end != text.data() + count || number < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(count);
  return number;
}

bool skip(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// `Z`, `+hh:mm` or `-hh:mm`, and nothing after it.
std::optional<std::chrono::minutes> read_offset(std::string_view text) {
  if (text == "Z") return std::chrono::minutes{0};
  const bool west = !text.empty() && text.front() == '-';
  if (!skip(text, west ? '-' : '+')) return std::nullopt;
  const auto hours = digits(text, 2);
  if (!hours || *hours > 23 || !skip(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *minutes};
  return west ? -offset : offset;
}

}  // namespace

std::uint64_t Random::next() {  // SplitMix64
  std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15ULL;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31U);
}

Json to_json(const filter::JsonValue& value) {
  switch (value.kind) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return value.boolean;
    case Kind::text:
      return value.text;
    case Kind::number: {
      Json number = Json::parse(value.text, nullptr, false);
      return number.is_discarded() ? Json(nullptr) : number;
    }
    case Kind::array: {
      Json array = Json::array();
      for (const auto& element : value.elements) array.push_back(to_json(element));
      return array;
    }
    case Kind::object: {
      Json object = Json::object();
      for (const auto& member : value.members) object[member.key] = to_json(member.value);
      return object;
    }
  }
  return nullptr;
}

Json to_json(filter::JsonValue&& value) {
  switch (value.kind) {
    case Kind::text:
      return std::move(value.text);
    case Kind::array: {
      Json array = Json::array();
      for (auto& element : value.elements) array.push_back(to_json(std::move(element)));
      return array;
    }
    case Kind::object: {
      Json object = Json::object();
      for (auto& member : value.members) object.emplace(std::move(member.key), to_json(std::move(member.value)));
      return object;
    }
    default:
      return to_json(std::as_const(value));
  }
}

Result<Json, filter::JsonError> read_json(std::string_view text) {
  auto document = filter::parse_json(text);
  if (!document) return Failure{document.error()};
  return to_json(std::move(*document));
}

std::string to_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json seconds(Milliseconds duration) {
  if (duration.count() % 1000 == 0) return duration.count() / 1000;
  return static_cast<double>(duration.count()) / 1000.0;
}

bool within_limits(const Json& value) {
  std::size_t left = data_bytes_max;
  return fits(value, 0, left);
}

bool within_limits_together(const Json& outer, const Json& inner) {
  constexpr std::size_t bytes_of_names = 4'096;
  constexpr std::size_t depth_of_names = 16;
  std::size_t left = data_bytes_max - bytes_of_names;
  return fits(outer, 0, left) && fits(inner, depth_of_names, left);
}

std::optional<Time> read_timestamp(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || !skip(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !skip(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || !skip(text, 'T')) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || *hour > 23 || !skip(text, ':')) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || *minute > 59 || !skip(text, ':')) return std::nullopt;
  const auto second = digits(text, 2);
  if (!second || *second > 60) return std::nullopt;
  int milliseconds = 0;
  if (skip(text, '.')) {
    int weight = 100;
    const std::size_t before = text.size();
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), weight /= 10) {
      milliseconds += (text.front() - '0') * weight;
    }
    if (text.size() == before) return std::nullopt;
  }
  const auto offset = read_offset(text);
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!offset || !date.ok()) return std::nullopt;
  return Time{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} - *offset +
         std::chrono::seconds{*second} + Milliseconds{milliseconds};
}

std::string write_timestamp(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto of_day = (time - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3'600'000,
                     of_day / 60'000 % 60, of_day / 1000 % 60, of_day % 1000);
}

}  // namespace remuda::saga
