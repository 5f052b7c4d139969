// The eighteen intrinsic functions, each in a few lines, and the table that names them.

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "common/saga/intrinsic.hpp"

namespace remuda::saga {

namespace {

using Arguments = std::vector<Json>;
using Answer = Result<Json, StateError>;

constexpr std::size_t text_bytes_max = 10'000;
constexpr std::int64_t range_elements_max = 1000;
constexpr std::size_t any_number = 1000;

Failure<StateError> refused(std::string cause) {
  return failed(errors::intrinsic, std::move(cause));
}

/// Numbers with a fraction are rounded, as Step Functions does.
std::optional<std::int64_t> integer(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const double rounded = std::round(value.get<double>());
  if (!(rounded >= std::numeric_limits<std::int32_t>::min() && rounded <= std::numeric_limits<std::int32_t>::max()))
    return std::nullopt;
  return static_cast<std::int64_t>(rounded);
}

Answer array_of(const Arguments& arguments, Random& /*random*/) {
  return Json(arguments);
}

Answer array_partition(const Arguments& arguments, Random& /*random*/) {
  const auto size = integer(arguments[1]);
  if (!arguments[0].is_array() || !size || *size < 1)
    return refused("States.ArrayPartition takes an array and a positive chunk size");
  Json chunks = Json::array();
  for (const Json& element : arguments[0]) {
    if (chunks.empty() || static_cast<std::int64_t>(chunks.back().size()) == *size) chunks.push_back(Json::array());
    chunks.back().push_back(element);
  }
  return chunks;
}

Answer array_contains(const Arguments& arguments, Random& /*random*/) {
  const Json& array = arguments[0];
  if (!array.is_array()) return refused("States.ArrayContains takes an array and a value");
  return Json(std::find(array.begin(), array.end(), arguments[1]) != array.end());
}

Answer array_range(const Arguments& arguments, Random& /*random*/) {
  const auto first = integer(arguments[0]);
  const auto last = integer(arguments[1]);
  const auto step = integer(arguments[2]);
  if (!first || !last || !step || *step == 0) return refused("States.ArrayRange takes three numbers, the last of which is not 0");
  const std::int64_t count = (*last - *first) / *step + 1;
  Json range = Json::array();
  if ((*step > 0) != (*last >= *first) && *last != *first) return range;
  if (count > range_elements_max) return refused("States.ArrayRange makes at most 1000 elements");
  for (std::int64_t at = 0; at < count; ++at) range.push_back(*first + at * *step);
  return range;
}

Answer array_get_item(const Arguments& arguments, Random& /*random*/) {
  const auto index = integer(arguments[1]);
  if (!arguments[0].is_array() || !index) return refused("States.ArrayGetItem takes an array and an index");
  if (*index < 0 || *index >= static_cast<std::int64_t>(arguments[0].size())) return refused("States.ArrayGetItem: no such index");
  return arguments[0][static_cast<std::size_t>(*index)];
}

Answer array_length(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_array()) return refused("States.ArrayLength takes an array");
  return Json(arguments[0].size());
}

Answer array_unique(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_array()) return refused("States.ArrayUnique takes an array");
  Json unique = Json::array();
  for (const Json& element : arguments[0]) {
    if (std::find(unique.begin(), unique.end(), element) == unique.end()) unique.push_back(element);
  }
  return unique;
}

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Answer base64_encode(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_string()) return refused("States.Base64Encode takes a text");
  const auto& text = arguments[0].get_ref<const std::string&>();
  if (text.size() > text_bytes_max) return refused("States.Base64Encode takes at most 10,000 characters");
  std::string encoded;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t next = at; next < at + 3; ++next) {
      bits = bits << 8U | (next < text.size() ? static_cast<unsigned char>(text[next]) : 0U);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      encoded += at + digit > text.size() ? '=' : base64_digits[bits >> (18 - 6 * digit) & 63U];
    }
  }
  return Json(encoded);
}

Answer base64_decode(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_string()) return refused("States.Base64Decode takes a text");
  std::string_view text = arguments[0].get_ref<const std::string&>();
  if (text.size() > text_bytes_max) return refused("States.Base64Decode takes at most 10,000 characters");
  if (text.size() % 4 != 0) return refused("States.Base64Decode: no Base64");
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  std::string decoded;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = base64_digits.find(c);
    if (digit == std::string_view::npos) return refused("States.Base64Decode: no Base64");
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded += static_cast<char>(bits >> count & 0xffU);
  }
  if (Json::parse(Json(decoded).dump(-1, ' ', false, Json::error_handler_t::replace), nullptr, false) != Json(decoded)) {
    return refused("States.Base64Decode: what comes out is no text in UTF-8");
  }
  return Json(decoded);
}

Answer hash(const Arguments& arguments, Random& /*random*/) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 5> algorithms{
      {{"MD5", "MD5"}, {"SHA-1", "SHA1"}, {"SHA-256", "SHA256"}, {"SHA-384", "SHA384"}, {"SHA-512", "SHA512"}}};
  if (!arguments[1].is_string()) return refused("States.Hash takes a value and the name of an algorithm");
  const std::string text = arguments[0].is_string() ? arguments[0].get<std::string>() : to_text(arguments[0]);
  if (text.size() > text_bytes_max) return refused("States.Hash takes at most 10,000 characters");
  for (const auto& [name, digest_name] : algorithms) {
    if (arguments[1] != name) continue;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_get_digestbyname(digest_name), nullptr) != 1) break;
    std::string hex;
    for (unsigned int at = 0; at < size; ++at) hex += fmt::format("{:02x}", digest[at]);
    return Json(hex);
  }
  return refused("States.Hash knows MD5, SHA-1, SHA-256, SHA-384 and SHA-512");
}

Answer json_merge(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_object() || !arguments[1].is_object()) return refused("States.JsonMerge takes two objects");
  if (arguments[2] != false) return refused("States.JsonMerge merges the first level only: its last argument is false");
  Json merged = arguments[0];
  merged.update(arguments[1]);
  return merged;
}

Answer string_to_json(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_string()) return refused("States.StringToJson takes a text");
  auto value = read_json(arguments[0].get_ref<const std::string&>());
  if (!value) return refused("States.StringToJson: " + value.error().what);
  return std::move(*value);
}

Answer json_to_string(const Arguments& arguments, Random& /*random*/) {
  return Json(to_text(arguments[0]));
}

Answer math_random(const Arguments& arguments, Random& random) {
  const auto from = integer(arguments[0]);
  const auto to = integer(arguments[1]);
  if (!from || !to || *from >= *to) return refused("States.MathRandom takes a start and a larger end");
  std::uint64_t drawn = 0;
  if (arguments.size() == 3) {
    const auto seed = integer(arguments[2]);
    if (!seed) return refused("States.MathRandom: the seed is a number");
    drawn = Random{static_cast<std::uint64_t>(*seed)}.next();
  } else {
    drawn = random.next();
  }
  return Json(*from + static_cast<std::int64_t>(drawn % static_cast<std::uint64_t>(*to - *from)));
}

Answer math_add(const Arguments& arguments, Random& /*random*/) {
  const auto left = integer(arguments[0]);
  const auto right = integer(arguments[1]);
  if (!left || !right) return refused("States.MathAdd takes two numbers of at most 32 bits");
  const std::int64_t sum = *left + *right;
  if (!integer(Json(sum))) return refused("States.MathAdd: the sum exceeds 32 bits");
  return Json(sum);
}

/// The UTF-8 character at the front.
std::string_view front_character(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U) ++length;
  return text.substr(0, length);
}

Answer string_split(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_string() || !arguments[1].is_string()) return refused("States.StringSplit takes a text and delimiters");
  std::string_view text = arguments[0].get_ref<const std::string&>();
  const auto& delimiters = arguments[1].get_ref<const std::string&>();
  Json parts = Json::array();
  std::string part;
  const auto end_part = [&] {
    if (!part.empty()) parts.push_back(std::exchange(part, {}));
  };
  while (!text.empty()) {
    const std::string_view character = front_character(text);
    if (delimiters.find(character) != std::string::npos) {
      end_part();
    } else {
      part += character;
    }
    text.remove_prefix(character.size());
  }
  end_part();
  return parts;
}

Answer uuid(const Arguments& /*arguments*/, Random& random) {
  const std::uint64_t high = (random.next() & ~0xf000ULL) | 0x4000ULL;
  const std::uint64_t low = (random.next() & ~(3ULL << 62U)) | (2ULL << 62U);
  return Json(fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32U, high >> 16U & 0xffffU, high & 0xffffU, low >> 48U,
                          low & 0xffff'ffff'ffffULL));
}

Answer format(const Arguments& arguments, Random& /*random*/) {
  if (!arguments[0].is_string()) return refused("States.Format takes a template first");
  return format_text(arguments[0].get_ref<const std::string&>(), {arguments.begin() + 1, arguments.end()});
}

struct Function {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  Answer (*call)(const Arguments&, Random&);
};

constexpr std::array<Function, 18> functions{{
    {"States.Format", 1, any_number, format},
    {"States.StringToJson", 1, 1, string_to_json},
    {"States.JsonToString", 1, 1, json_to_string},
    {"States.Array", 0, any_number, array_of},
    {"States.ArrayPartition", 2, 2, array_partition},
    {"States.ArrayContains", 2, 2, array_contains},
    {"States.ArrayRange", 3, 3, array_range},
    {"States.ArrayGetItem", 2, 2, array_get_item},
    {"States.ArrayLength", 1, 1, array_length},
    {"States.ArrayUnique", 1, 1, array_unique},
    {"States.Base64Encode", 1, 1, base64_encode},
    {"States.Base64Decode", 1, 1, base64_decode},
    {"States.Hash", 2, 2, hash},
    {"States.JsonMerge", 3, 3, json_merge},
    {"States.MathRandom", 2, 3, math_random},
    {"States.MathAdd", 2, 2, math_add},
    {"States.StringSplit", 2, 2, string_split},
    {"States.UUID", 0, 0, uuid},
}};

const Function* find_function(std::string_view name) {
  const auto* found = std::find_if(functions.begin(), functions.end(), [&](const Function& f) { return f.name == name; });
  return found == functions.end() ? nullptr : found;
}

}  // namespace

std::optional<std::pair<std::size_t, std::size_t>> intrinsic_arity(std::string_view function) {
  const Function* found = find_function(function);
  if (found == nullptr) return std::nullopt;
  return std::pair{found->arguments_min, found->arguments_max};
}

Result<Json, StateError> call_intrinsic(const std::string& function, const std::vector<Json>& arguments, Random& random) {
  return find_function(function)->call(arguments, random);
}

Result<Json, StateError> format_text(std::string_view form, const std::vector<Json>& arguments) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t at = 0; at < form.size(); ++at) {
    if (form[at] == '\\' && at + 1 < form.size()) {
      text += form[++at];
    } else if (form.substr(at, 2) == "{}") {
      if (used == arguments.size()) return refused("States.Format: more {} than arguments");
      const Json& argument = arguments[used++];
      text += argument.is_string() ? argument.get_ref<const std::string&>() : to_text(argument);
      ++at;
    } else {
      text += form[at];
    }
  }
  if (used != arguments.size()) return refused("States.Format: more arguments than {}");
  return Json(text);
}

}  // namespace remuda::saga
