#include <algorithm>

#include "common/filter/filter_policy.hpp"
#include "common/topology/checks.hpp"

namespace remuda::topology {
namespace {

/// The byte of `text` where line and column (in characters) are.
std::size_t byte_at(std::string_view text, int line, int column) {
  std::size_t at = 0;
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return text.size();
    at = end + 1;
  }
  for (int left = column - 1; left > 0 && at < text.size(); --left) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
  }
  return at;
}

/// How far a JSON word or text reaches from `offset`.
int token_length(std::string_view json, std::size_t offset) {
  std::size_t end = offset;
  if (end < json.size() && json[end] == '"') {
    for (++end; end < json.size() && json[end] != '"' && json[end] != '\n'; ++end) {}
    ++end;
  } else {
    end = std::min(json.find_first_of(",:]} \n\t", offset), json.size());
  }
  return static_cast<int>(std::max<std::size_t>(end - offset, 1));
}

/// Where byte `offset` of a policy written as text stands in the launch file. Text with escapes or substitutions cannot be
/// followed byte by byte: then the whole text is meant.
Place place_in_text(const Value& policy, std::size_t offset, const Diagnostics& diagnostics) {
  const std::string_view source = diagnostics.source_text(policy.place.source);
  std::size_t start = byte_at(source, policy.place.line, policy.place.column);
  const std::string_view opening = source.substr(start, 3);
  start += opening == "'''" || opening == "\"\"\"" ? 3 : 1;
  if (source.substr(start, 1) == "\n") ++start;
  if (source.substr(start, 2) == "\r\n") start += 2;
  if (source.substr(start, policy.text.size()) != policy.text) return policy.place;
  const std::size_t at = std::min(start + offset, source.size());
  const std::string_view before = source.substr(0, at);
  Place place{policy.place.source, 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')), 1,
              token_length(policy.text, offset)};
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  for (const char c : before.substr(line_start)) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++place.column;
  }
  return place;
}

Place place_in_table(const std::vector<JsonSpan>& spans, std::size_t offset) {
  auto after = std::upper_bound(spans.begin(), spans.end(), offset,
                                [](std::size_t wanted, const JsonSpan& span) { return wanted < span.offset; });
  return after == spans.begin() ? spans.front().place : std::prev(after)->place;
}

bool has_broken(const Value& value) {
  return value.broken || std::any_of(value.items.begin(), value.items.end(), has_broken) ||
         std::any_of(value.entries.begin(), value.entries.end(), [](const Entry& entry) { return has_broken(entry.value); });
}

void check_filter(const FilterSpec& filter, Diagnostics& diagnostics) {
  const FilterScope scope = filter.on_attributes ? FilterScope::attributes : FilterScope::body;
  if (filter.table && !has_broken(*filter.table)) {
    std::vector<JsonSpan> spans;
    const std::string json = to_json(*filter.table, &spans);
    const auto policy = FilterPolicy::compile(json, scope);
    if (!policy) diagnostics.error(place_in_table(spans, policy.error().offset), "T201", policy.error().message);
  }
  if (filter.text && !filter.text->broken) {
    const auto policy = FilterPolicy::compile(filter.text->text, scope);
    if (!policy) diagnostics.error(place_in_text(*filter.text, policy.error().offset, diagnostics), "T201", policy.error().message);
  }
}

}  // namespace

void check_filters(const LaunchFile& file, Diagnostics& diagnostics) {
  for (const auto& queue : file.queues) {
    if (queue.outbox_of.empty()) check_filter(queue.filter, diagnostics);  // an outbox has that of its queue
  }
  for (const auto& stream : file.streams) check_filter(stream.filter, diagnostics);
  for (const auto& node : file.nodes) {
    for (const auto& port : node.ports) {
      for (const auto& channel : port.channels) check_filter(channel.filter, diagnostics);
    }
  }
}

}  // namespace remuda::topology
