#include "broker/topics.hpp"

#include <algorithm>

#include "common/msgpack_reader.hpp"
#include "common/msgpack_writer.hpp"

namespace remuda::broker {

Result<FilterPolicy> compile_filter(std::string_view filter_policy, bool filter_on_attributes) {
  if (filter_policy.empty()) return FilterPolicy{};
  auto compiled = FilterPolicy::compile(filter_policy, filter_on_attributes ? FilterScope::attributes : FilterScope::body);
  if (!compiled) return Failure{Error{compiled.error()}};
  return *std::move(compiled);
}

Topic* Topics::find(std::string_view name) {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

Topic& Topics::declare(std::string_view name) {
  if (Topic* known = find(name)) return *known;
  Topic& topic = topics_[std::string{name}];
  topic.name = name;
  return topic;
}

Result<std::vector<std::string>> Topics::chain(std::string_view topic, std::string_view queue, QueueId queue_id,
                                               std::string_view filter_policy, bool filter_on_attributes) {
  auto policy = compile_filter(filter_policy, filter_on_attributes);
  if (!policy) return Failure{policy.error()};
  std::vector<std::string> changed;
  const auto is_it = [&](const Chain& chain) { return chain.queue == queue; };
  for (auto& [name, other] : topics_) {
    if (name != topic && std::erase_if(other.chains, is_it) > 0) changed.push_back(name);
  }
  if (topic.empty()) return changed;
  const bool is_new = find(topic) == nullptr;
  auto& chains = declare(topic).chains;
  const auto old = std::find_if(chains.begin(), chains.end(), is_it);
  if (old == chains.end()) {
    chains.push_back({std::string{queue}, queue_id, std::string{filter_policy}, filter_on_attributes, *std::move(policy)});
    changed.emplace_back(topic);
  } else if (old->filter_policy != filter_policy || old->filter_on_attributes != filter_on_attributes) {
    *old = {std::string{queue}, queue_id, std::string{filter_policy}, filter_on_attributes, *std::move(policy)};
    changed.emplace_back(topic);
  } else if (is_new) {
    changed.emplace_back(topic);
  }
  return changed;
}

std::string Topics::definition(const Topic& topic) {
  std::string bytes;
  MsgpackWriter out{bytes};
  out.array(topic.chains.size());
  for (const auto& chain : topic.chains)
    out.array(3).text(chain.queue).text(chain.filter_policy).boolean(chain.filter_on_attributes);
  return bytes;
}

Result<void> Topics::restore(std::string_view name, std::string_view definition, const QueueFinder& find_queue) {
  MsgpackReader in{definition};
  const std::uint32_t count = in.array();
  declare(name);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (in.array() != 3) in.reject();
    const std::string_view queue = in.string();
    const std::string_view filter_policy = in.string();
    const bool on_attributes = in.boolean();
    if (!in.ok()) break;
    if (const auto id = find_queue(queue)) {
      if (auto chained = chain(name, queue, *id, filter_policy, on_attributes); !chained) return Failure{chained.error()};
    }
  }
  if (!in.ok()) return fail("malformed_definition", "the stored definition of topic '" + std::string{name} + "' is not understood");
  return {};
}

}  // namespace remuda::broker
