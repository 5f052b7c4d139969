#include "common/runtime/port_binding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "common/suggestion.hpp"

namespace remuda {
namespace {

constexpr std::array<std::string_view, 7> kind_names{"queue", "topic", "pubsub", "pipe", "request", "queued-request", "stream"};

Failure<Error> invalid(std::string_view text, const std::string& what) {
  return fail("invalid_port", "`--port " + std::string{text} + "`: " + what +
                                  ". Write NAME=KIND:ENDPOINT/CHANNEL, e.g. rides=queue:tcp://127.0.0.1:5550/customer-accounting.");
}

/// Cuts `text` at the first `separator`: the part before it is returned, the part behind it stays in `text`.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const auto before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

std::string_view cut_or_rest(std::string_view& text, char separator) {
  if (const auto before = cut(text, separator)) return *before;
  return std::exchange(text, {});
}

/// Reads the options behind '?'; false when one of them is unknown or no positive number.
bool parse_options(std::string_view text, PortBinding& binding) {
  constexpr std::string_view filter = "filter=";
  while (!text.empty()) {
    if (text.substr(0, filter.size()) == filter) {
      binding.filter.policy = text.substr(filter.size());
      return true;
    }
    auto value = cut_or_rest(text, '&');
    const auto name = cut(value, '=');
    if (!name) return false;
    if (*name == "reply_to" && !value.empty()) {
      binding.reply_to = value;
      continue;
    }
    if (*name == "filter_scope" && (value == "attributes" || value == "body")) {
      binding.filter.on_attributes = value == "attributes";
      continue;
    }
    if (*name == "group" && !value.empty()) {
      binding.group = value;
      continue;
    }
    if (*name == "start" && (value == "latest" || value == "oldest")) {
      binding.from_latest = value == "latest";
      continue;
    }
    constexpr std::array<std::string_view, 4> numbers{"subscribers", "timeout_ms", "batch", "visibility_timeout_ms"};
    if (std::find(numbers.begin(), numbers.end(), *name) == numbers.end()) return false;
    int number = 0;
    const auto* end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc{} || rest != end || number < 0) return false;
    binding.options[std::string{*name}] = number;
  }
  return true;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, BindingKind kind) {
  return out << kind_names[static_cast<std::size_t>(kind)];
}

std::ostream& operator<<(std::ostream& out, const PortBinding& binding) {
  out << binding.port << '=' << binding.kind << ':';
  for (std::size_t i = 0; i < binding.endpoints.size(); ++i) out << (i == 0 ? "" : ",") << binding.endpoints[i];
  out << '/' << binding.channel;
  char separator = '?';
  for (const auto& [name, value] : binding.options) out << std::exchange(separator, '&') << name << '=' << value;
  if (!binding.reply_to.empty()) out << std::exchange(separator, '&') << "reply_to=" << binding.reply_to;
  if (!binding.group.empty()) out << std::exchange(separator, '&') << "group=" << binding.group;
  if (binding.from_latest) out << std::exchange(separator, '&') << "start=latest";
  if (binding.filter.on_attributes) out << std::exchange(separator, '&') << "filter_scope=attributes";
  if (!binding.filter.policy.empty()) out << std::exchange(separator, '&') << "filter=" << binding.filter.policy;
  return out;
}

Result<PortBinding> parse_port_binding(std::string_view text) {
  PortBinding binding;
  auto rest = text;
  const auto port = cut(rest, '=');
  if (!port || port->empty()) return invalid(text, "the name of the port is missing");
  binding.port = *port;
  const auto kind = cut(rest, ':');
  if (!kind) return invalid(text, "the kind of the channel is missing");
  const auto* known = std::find(kind_names.begin(), kind_names.end(), *kind);
  if (known == kind_names.end()) {
    auto what = "`" + std::string{*kind} +
                "` is no kind of channel; known are queue, topic, stream, pubsub, pipe, request and queued-request";
    if (const auto closest = closest_name(*kind, kind_names); !closest.empty())
      what += "; did you mean `" + std::string{closest} + "`?";
    return invalid(text, what);
  }
  binding.kind = static_cast<BindingKind>(known - kind_names.begin());
  auto address = cut_or_rest(rest, '?');
  if (!parse_options(rest, binding)) {
    return invalid(
        text,
        "behind `?` only subscribers=N, timeout_ms=N, reply_to=QUEUE, group=NAME, start=latest, batch=N, visibility_timeout_ms=N, "
        "filter_scope=attributes and filter=POLICY are known");
  }
  // The last slash parts the channel from the endpoint, unless it is one of the two that belong to `tcp://`.
  const auto slash = address.rfind('/');
  const bool has_channel = slash != std::string_view::npos && slash > 0 && address[slash - 1] != '/' && slash + 1 < address.size();
  if (!has_channel) return invalid(text, "the name of the channel is missing behind the endpoint");
  binding.channel = address.substr(slash + 1);
  address = address.substr(0, slash);
  while (!address.empty()) {
    const auto endpoint = cut_or_rest(address, ',');
    if (endpoint.find("://") == std::string_view::npos) {
      return invalid(text, "`" + std::string{endpoint} + "` is no endpoint (tcp://HOST:PORT or ipc://PATH)");
    }
    binding.endpoints.emplace_back(endpoint);
  }
  return binding;
}

}  // namespace remuda
