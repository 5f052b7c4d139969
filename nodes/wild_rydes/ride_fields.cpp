#include "nodes/wild_rydes/ride_fields.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/http/url.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda::rides {

namespace {

using Json = nlohmann::json;

bool is_known(std::string_view name) {
  constexpr std::array<std::string_view, 9> known = {"id",       "customer", "from", "to",          "from-to",
                                                     "distance", "duration", "fare", "completed_ms"};
  return std::find(known.begin(), known.end(), name) != known.end();
}

/// Collects the fields of the outermost object. A reader of events, so that numbers keep their digits: a document would have turned
/// 256.10 into the nearest double before anybody could look.
class FieldCollector final : public nlohmann::json_sax<Json> {
 public:
  static constexpr int depth_max = 32;

  FoundFields fields;
  std::string problem;
  std::size_t problem_position = 0;
  bool out_of_range = false;
  std::string last_token;

  bool null() override { return found(FoundField::Kind::other, {}); }
  bool boolean(bool) override { return found(FoundField::Kind::other, {}); }
  bool number_integer(number_integer_t value) override { return found(FoundField::Kind::number, std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return found(FoundField::Kind::number, std::to_string(value)); }
  bool number_float(number_float_t, const string_t& literal) override { return found(FoundField::Kind::number, literal); }
  bool string(string_t& value) override { return found(FoundField::Kind::text, value); }
  bool binary(binary_t&) override { return found(FoundField::Kind::other, {}); }
  bool start_object(std::size_t) override { return depth_ == 0 ? enter() : found(FoundField::Kind::other, {}) && enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return refuse("the body must be a JSON object");
    return found(FoundField::Kind::other, {}) && enter();
  }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) override {
    problem_position = position;
    last_token = token;
    out_of_range = error.id == 406;  // a number beyond the largest double, such as 1e999
    problem = "the body is not valid JSON (byte " + std::to_string(position) + ")";
    return false;
  }

 private:
  int depth_ = 0;
  std::string key_;

  bool refuse(std::string why) {
    problem = std::move(why);
    return false;
  }
  bool enter() { return ++depth_ <= depth_max || refuse("the body is nested deeper than 32 levels"); }
  bool leave() {
    --depth_;
    return true;
  }
  bool found(FoundField::Kind kind, std::string text) {
    if (depth_ == 0) return refuse("the body must be a JSON object");
    if (depth_ != 1 || !is_known(key_)) return true;
    const auto [place, is_new] = fields.try_emplace(key_);
    place->second = {kind, std::move(text), !is_new};
    return true;
  }
};

std::string shortest(double number) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

/// Reads fields one after the other and remembers what is wrong with each.
class FieldReader {
 public:
  explicit FieldReader(const FoundFields& fields) : fields_{fields} {}

  [[nodiscard]] bool has(std::string_view name) const { return fields_.contains(name); }
  void wrong(std::string_view name, std::string message) { errors_.push_back({std::string{name}, std::move(message)}); }
  std::vector<http::FieldError> take_errors() { return std::move(errors_); }

  std::string text(std::string_view name, std::size_t size_max) {
    const FoundField* field = take(name);
    if (field == nullptr) return {};
    if (field->kind != FoundField::Kind::text) return wrong(name, "must be text"), std::string{};
    if (field->text.find_first_not_of(' ') == std::string::npos) return wrong(name, "must not be empty"), std::string{};
    if (field->text.size() > size_max)
      return wrong(name, "must not be longer than " + std::to_string(size_max) + " bytes"), std::string{};
    if (!http::is_printable_utf8(field->text)) return wrong(name, "must be UTF-8 text without control characters"), std::string{};
    return field->text;
  }

  Decimal number(std::string_view name) {
    const FoundField* field = take(name);
    if (field == nullptr) return {};
    if (field->kind == FoundField::Kind::other) return wrong(name, "must be a number"), Decimal{};
    const auto decimal = Decimal::parse(field->text);
    if (!decimal) return wrong(name, decimal.error().message), Decimal{};
    if (decimal->is_negative()) return wrong(name, "must not be negative"), Decimal{};
    return *decimal;
  }

  Money money(std::string_view name) {
    const std::size_t before = errors_.size();
    const Decimal amount = number(name);
    if (errors_.size() != before) return {};
    const auto money = Money::from(amount);
    if (!money) return wrong(name, money.error().message), Money{};
    return *money;
  }

 private:
  const FoundField* take(std::string_view name) {
    const auto found = fields_.find(name);
    if (found == fields_.end()) return wrong(name, "is missing"), nullptr;
    if (found->second.repeated) return wrong(name, "is given twice"), nullptr;
    return &found->second;
  }

  const FoundFields& fields_;
  std::vector<http::FieldError> errors_;
};

/// "Berlin-Frankfurt", "Stratford-upon-Avon - London".
std::optional<std::pair<std::string, std::string>> split_from_to(std::string_view text) {
  const std::string_view separator = text.find(" - ") != std::string_view::npos ? " - " : "-";
  const auto at = text.find(separator);
  if (at == std::string_view::npos || text.find(separator, at + separator.size()) != std::string_view::npos) return std::nullopt;
  auto from = text.substr(0, at);
  auto to = text.substr(at + separator.size());
  while (from.starts_with(' ')) from.remove_prefix(1);
  while (from.ends_with(' ')) from.remove_suffix(1);
  while (to.starts_with(' ')) to.remove_prefix(1);
  while (to.ends_with(' ')) to.remove_suffix(1);
  if (from.empty() || to.empty()) return std::nullopt;
  return std::pair{std::string{from}, std::string{to}};
}

void read_places(FieldReader& in, Ride& ride) {
  if (!in.has("from-to")) {
    ride.from = in.text("from", 256);
    ride.to = in.text("to", 256);
  } else if (in.has("from") || in.has("to")) {
    in.wrong("from-to", "must not be given together with 'from' or 'to'");
  } else if (const std::string both = in.text("from-to", 512); !both.empty()) {
    auto places = split_from_to(both);
    if (!places)
      return in.wrong("from-to", "must be two places with one '-' between them; give 'from' and 'to' for names that hold a '-'");
    ride.from = std::move(places->first);
    ride.to = std::move(places->second);
  }
}

}  // namespace

Result<FoundFields> find_fields_in_json(std::string_view json) {
  // A number beyond the largest double ends nlohmann's parser, and the fields behind it would stay unseen. So it is
  // overwritten by a text of the same length, which is as little a number, and the rest is read: a few times, as nobody
  // sends many of them by accident.
  std::string text{json};
  for (int attempt = 0; attempt < 8; ++attempt) {
    FieldCollector collector;
    if (Json::sax_parse(text, &collector)) return std::move(collector.fields);
    const std::size_t length = collector.last_token.size();
    if (!collector.out_of_range || length < 2 || collector.problem_position < length || collector.problem_position > text.size()) {
      return fail("malformed_body", collector.problem);
    }
    text.replace(collector.problem_position - length, length, "\"" + std::string(length - 2, '~') + "\"");
  }
  return fail("malformed_body", "the body holds too many numbers that are too large");
}

Result<FoundFields> find_fields_in_msgpack(std::string_view body) {
  MsgpackReader in{body};
  FoundFields fields;
  const std::uint32_t count = in.map();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.string();
    if (!in.ok()) break;
    if (!is_known(name)) {
      in.skip();
      continue;
    }
    const auto [place, is_new] = fields.try_emplace(std::string{name});
    FoundField& field = place->second;
    field.repeated = !is_new;
    switch (in.peek()) {
      case MsgpackReader::Kind::string:
        field.kind = FoundField::Kind::text;
        field.text = in.string();
        break;
      case MsgpackReader::Kind::unsigned_integer:
        field.kind = FoundField::Kind::number;
        field.text = std::to_string(in.unsigned_integer());
        break;
      case MsgpackReader::Kind::signed_integer:
        field.kind = FoundField::Kind::number;
        field.text = std::to_string(in.signed_integer());
        break;
      case MsgpackReader::Kind::floating:
        field.kind = FoundField::Kind::number;
        field.text = shortest(in.next().floating);
        break;
      default:
        in.skip();
        break;
    }
  }
  if (!in.ok() || !in.at_end()) return fail("malformed_body", "the body is not one msgpack map");
  return fields;
}

Result<Ride, RideErrors> make_ride(const FoundFields& fields, bool with_id) {
  FieldReader in{fields};
  Ride ride;
  if (with_id) ride.id = in.text("id", 128);
  ride.customer = in.text("customer", 128);
  read_places(in, ride);
  ride.distance = in.number("distance");
  ride.duration = in.number("duration");
  ride.fare = in.money("fare");
  auto errors = in.take_errors();
  if (!errors.empty()) return Failure<RideErrors>{{"some fields are missing or wrong", std::move(errors)}};
  return ride;
}

}  // namespace remuda::rides
