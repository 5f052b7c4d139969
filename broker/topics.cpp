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

void Topics::remove(std::string_view name) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return;
  for (const Chain& chain : found->second.chains) topic_of_.erase(chain.channel);
  topics_.erase(found);
}

Topics::Found Topics::chain_of(std::string_view channel) const {
  const auto name = topic_of_.find(channel);
  if (name == topic_of_.end()) return {};
  const Topic& topic = topics_.find(name->second)->second;
  const auto chain =
      std::find_if(topic.chains.begin(), topic.chains.end(), [&](const Chain& each) { return each.channel == channel; });
  return chain == topic.chains.end() ? Found{} : Found{&topic, &*chain};
}

Result<std::vector<std::string>> Topics::chain(std::string_view topic, const ChainedChannel& channel,
                                               std::string_view filter_policy, bool filter_on_attributes) {
  auto policy = compile_filter(filter_policy, filter_on_attributes);
  if (!policy) return Failure{policy.error()};
  std::vector<std::string> changed;
  const auto is_it = [&](const Chain& chain) { return chain.channel == channel.name; };
  if (const auto before = topic_of_.find(channel.name); before != topic_of_.end() && before->second != topic) {
    std::erase_if(topics_.find(before->second)->second.chains, is_it);
    changed.push_back(before->second);
    topic_of_.erase(before);
  }
  if (topic.empty()) return changed;
  const bool is_new = find(topic) == nullptr;
  auto& chains = declare(topic).chains;
  topic_of_[channel.name] = topic;
  const auto old = std::find_if(chains.begin(), chains.end(), is_it);
  Chain fresh{channel.name,         channel.queue_id,   channel.stream_id, std::string{filter_policy},
              filter_on_attributes, *std::move(policy), channel.is_fifo};
  if (old == chains.end()) {
    chains.push_back(std::move(fresh));
    changed.emplace_back(topic);
  } else if (old->filter_policy != filter_policy || old->filter_on_attributes != filter_on_attributes ||
             old->queue_id != channel.queue_id || old->stream_id != channel.stream_id) {
    *old = std::move(fresh);
    changed.emplace_back(topic);
  } else if (is_new) {
    changed.emplace_back(topic);
  }
  return changed;
}

std::string Topics::definition(const Topic& topic) {
  std::string bytes;
  MsgpackWriter out{bytes};
  out.array(2).text(topic.deduplicate_by ? topic.deduplicate_by->text() : std::string{}).array(topic.chains.size());
  for (const auto& chain : topic.chains)
    out.array(3).text(chain.channel).text(chain.filter_policy).boolean(chain.filter_on_attributes);
  return bytes;
}

Result<void> Topics::restore(std::string_view name, std::string_view definition, const Finder& find_channel) {
  MsgpackReader in{definition};
  if (in.array() != 2) in.reject();
  const std::string_view deduplicate_by = in.string();
  const std::uint32_t count = in.array();
  Topic& topic = declare(name);
  if (!deduplicate_by.empty()) {
    auto selector = Selector::compile(deduplicate_by);
    if (!selector) return Failure{selector.error()};
    topic.deduplicate_by = *std::move(selector);
  }
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (in.array() != 3) in.reject();
    const std::string_view channel = in.string();
    const std::string_view filter_policy = in.string();
    const bool on_attributes = in.boolean();
    if (!in.ok()) break;
    if (const auto found = find_channel(channel)) {
      if (auto chained = chain(name, *found, filter_policy, on_attributes); !chained) return Failure{chained.error()};
    }
  }
  if (!in.ok()) return fail("malformed_definition", "the stored definition of topic '" + std::string{name} + "' is not understood");
  return {};
}

}  // namespace remuda::broker
