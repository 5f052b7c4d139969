#include "nodes/content_router/event_envelope.hpp"

#include <array>
#include <ctime>

#include "common/msgpack_reader.hpp"

namespace remuda {
namespace {

using Json = nlohmann::ordered_json;

std::string utc(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  std::array<char, 32> text{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace

Json event_envelope(const Message& message) {
  Json detail =
      is_msgpack(message.body) ? Json::from_msgpack(message.body, true, false) : Json::parse(message.body, nullptr, false);
  if (detail.is_discarded()) return nullptr;
  Json event{{"version", "0"},
             {"id", message.id},
             {"detail-type", message.type},
             {"source", message.source},
             {"account", ""},
             {"time", utc(message.time_ms)},
             {"region", ""},
             {"resources", Json::array()}};
  if (!message.subject.empty()) event["resources"].push_back(message.subject);
  event["detail"] = std::move(detail);
  return event;
}

Json value_at(const Json& event, std::string_view path) {
  const Json* place = &event;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const std::string key{path.substr(0, dot)};
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    if (!place->is_object() || !place->contains(key)) return nullptr;
    place = &place->at(key);
  }
  return *place;
}

}  // namespace remuda
