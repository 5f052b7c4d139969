#include "cli/message_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/msgpack_reader.hpp"

namespace remuda::cli {

using nlohmann::ordered_json;

namespace {

bool is_text(std::string_view bytes) {
  // nlohmann refuses to print what is not UTF-8, so a dump decides; control characters other than space are no text either.
  if (std::any_of(bytes.begin(), bytes.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20U && c != '\n' && c != '\t' && c != '\r'; })) {
    return false;
  }
  try {
    [[maybe_unused]] const std::string printed = ordered_json(bytes).dump();
    return true;
  } catch (const ordered_json::exception&) {
    return false;
  }
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j <= count ? alphabet[group >> (18 - 6 * j) & 63U] : '=';
  }
  return text;
}

/// JSON text may nest as deeply as its author likes, and the parser recurses.
bool nests_too_deeply(std::string_view text) {
  int depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > 64) return true;
  }
  return false;
}

}  // namespace

ordered_json body_as_json(std::string_view body) {
  // A single byte below 0x80 is a msgpack number as well as a letter: only structures count as msgpack beyond doubt.
  const bool structured = !body.empty() && static_cast<unsigned char>(body.front()) >= 0x80U;
  if (structured && is_msgpack(body)) {
    ordered_json json = ordered_json::from_msgpack(body.begin(), body.end(), true, false);
    if (!json.is_discarded() && !json.is_binary()) return json;
  }
  if (!is_text(body)) return ordered_json{{"base64", base64(body)}};
  if (!nests_too_deeply(body)) {
    ordered_json json = ordered_json::parse(body, nullptr, false);
    if (!json.is_discarded()) return json;
  }
  return ordered_json(body);
}

ordered_json message_as_json(const Message& message) {
  ordered_json json;
  json["id"] = message.id;
  json["body"] = body_as_json(message.body);
  json["attributes"] = ordered_json::object();
  for (const auto& [name, attribute] : message.attributes)
    json["attributes"][name] = {{"Type", attribute.type}, {"Value", attribute.value}};
  json["group_id"] = message.group_id;
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add("source", message.source);
  add("type", message.type);
  add("subject", message.subject);
  add("datacontenttype", message.datacontenttype);
  add("correlation_id", message.correlation_id);
  add("reply_to", message.reply_to);
  add("dedup_id", message.dedup_id);
  add("traceparent", message.traceparent);
  if (message.time_ms != 0) json["time_ms"] = message.time_ms;
  return json;
}

Result<Message> message_from(const MessageOptions& options, const Clock& clock) {
  Message message;
  message.id = options.id.empty() ? new_message_id() : options.id;
  message.source = "remuda";
  message.type = options.type;
  message.time_ms = to_unix_ms(clock.wall_now());
  message.group_id = options.group_id;
  message.dedup_id = options.dedup_id;
  if (options.raw) {
    message.body = options.body;
    message.datacontenttype = "text/plain";
  } else {
    const ordered_json json = nests_too_deeply(options.body) ? ordered_json(ordered_json::value_t::discarded)
                                                             : ordered_json::parse(options.body, nullptr, false);
    if (json.is_discarded()) {
      return fail("invalid_body", fmt::format("the body is not JSON: {:.60}; with --raw it is sent as it stands", options.body));
    }
    ordered_json::to_msgpack(json, nlohmann::detail::output_adapter<char, std::string>(message.body));
    if (!is_msgpack(message.body)) return fail("invalid_body", "the body nests more than 16 levels deep");
  }
  for (const std::string& text : options.attributes) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail("invalid_attribute", fmt::format("an attribute is NAME=VALUE or NAME:TYPE=VALUE, not '{}'", text));
    std::string name = text.substr(0, equals);
    std::string type = "String";
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      type = name.substr(colon + 1);
      name.resize(colon);
    }
    if (type != "String" && type != "Number" && type != "Binary" && type != "String.Array") {
      return fail("invalid_attribute", fmt::format("'{}' is none of the types String, Number, Binary, String.Array", type));
    }
    message.attributes[name] = Attribute{type, text.substr(equals + 1)};
  }
  return message;
}

std::string handle_as_text(std::string_view handle) {
  std::string text;
  for (const char byte : handle) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

Result<std::string> handle_from_text(std::string_view text) {
  std::string handle;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 2) break;
    handle += static_cast<char>(byte);
  }
  if (handle.empty() || handle.size() * 2 != text.size())
    return fail("invalid_handle", fmt::format("'{}' is not a receipt handle", text));
  return handle;
}

}  // namespace remuda::cli
