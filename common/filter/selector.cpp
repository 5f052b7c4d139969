#include "common/filter/selector.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "common/filter/json_to_msgpack.hpp"
#include "common/message.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda {

namespace {

using Packed = MsgpackReader::Kind;

template <class Value>
std::string digits(Value value) {
  std::array<char, 32> out{};
  const auto end = std::to_chars(out.data(), out.data() + out.size(), value).ptr;
  return {out.data(), end};
}

std::optional<std::string> text_of(const MsgpackReader::Token& token) {
  switch (token.kind) {
    case Packed::boolean:
      return token.boolean ? "true" : "false";
    case Packed::unsigned_integer:
      return digits(token.unsigned_integer);
    case Packed::signed_integer:
      return digits(token.signed_integer);
    case Packed::floating:
      return digits(token.floating);
    case Packed::string:
      return token.bytes.empty() ? std::nullopt : std::optional{std::string{token.bytes}};
    default:
      return std::nullopt;
  }
}

/// The value at `path` below the map that follows. A key may contain dots itself, as filters have it.
std::optional<std::string> find(MsgpackReader& in, std::string_view path) {
  if (in.peek() != Packed::map) return std::nullopt;
  const std::uint32_t count = in.map();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view key = in.string();
    if (!in.ok()) return std::nullopt;
    if (key == path) {
      MsgpackReader value{in.skip()};
      return in.ok() ? text_of(value.next()) : std::nullopt;
    }
    const bool leads_there = path.size() > key.size() && path.starts_with(key) && path[key.size()] == '.';
    const std::string_view value = in.skip();
    if (!leads_there || !in.ok()) continue;
    MsgpackReader below{value};
    if (auto found = find(below, path.substr(key.size() + 1))) return found;
  }
  return std::nullopt;
}

std::optional<std::string> find_in_body(std::string_view body, std::string_view path) {
  // The text of a JSON object begins as no msgpack map does.
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::nullopt;
  std::string packed;
  if (body[first] == '{') {
    if (!json_to_msgpack(body, packed)) return std::nullopt;
    body = packed;
  }
  MsgpackReader in{body};
  return find(in, path);
}

std::optional<std::string> find_attribute(std::string_view attributes, std::string_view name) {
  MsgpackReader in{attributes};
  const std::uint32_t count = attributes.empty() ? 0 : in.map();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view key = in.string();
    in.array();
    const std::string_view type = in.string();
    const std::string_view value = in.next().bytes;
    if (in.ok() && key == name && attribute_kind(type) != "Binary" && !value.empty()) return std::string{value};
  }
  return std::nullopt;
}

std::optional<std::string> unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional{std::string{text}};
}

}  // namespace

Result<Selector> Selector::compile(std::string_view text) {
  Selector selector;
  selector.text_ = text;
  constexpr std::pair<std::string_view, Kind> whole[] = {
      {"id", Kind::id}, {"group_id", Kind::group_id}, {"dedup_id", Kind::dedup_id}, {"content", Kind::content}};
  for (const auto& [name, kind] : whole) {
    if (text == name) return selector.kind_ = kind, selector;
  }
  constexpr std::pair<std::string_view, Kind> prefixes[] = {{"attributes.", Kind::attribute}, {"body.", Kind::body}};
  for (const auto& [prefix, kind] : prefixes) {
    if (!text.starts_with(prefix) || text.size() == prefix.size()) continue;
    selector.kind_ = kind;
    selector.name_ = text.substr(prefix.size());
    return selector;
  }
  return fail("invalid_selector",
              "'" + std::string{text.substr(0, 64)} +
                  "' names no place in a message: use group_id, dedup_id, id, content, body.PATH or attributes.NAME");
}

std::optional<std::string> Selector::value(const MessageView& message) const {
  switch (kind_) {
    case Kind::id:
      return unless_empty(message.id);
    case Kind::group_id:
      return unless_empty(message.group_id);
    case Kind::dedup_id:
      return unless_empty(message.dedup_id);
    case Kind::attribute:
      return find_attribute(message.attributes, name_);
    case Kind::body:
      return find_in_body(message.body, name_);
    case Kind::content:
      return std::string{message.body};
  }
  return std::nullopt;
}

}  // namespace remuda
