#include "cli/running_definitions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/supervisor/topology_folder.hpp"
#include "common/declarations.hpp"

namespace remuda::cli {

namespace fs = std::filesystem;
using topology::Definitions;

namespace {

template <class Plans>
bool has(const Plans& plans, const std::string& name) {
  return std::any_of(plans.begin(), plans.end(), [&](const auto& plan) { return plan.name == name; });
}

/// A file that named a dead-letter queue or a topic without defining it could not be read again.
void complete(Definitions& definitions, const LiveChannels& live) {
  for (const topology::StreamPlan& stream : definitions.streams) {
    for (const wire::QueueInfo& info : live.queues) {
      if (info.queue == stream.dead_letter_queue && !has(definitions.queues, info.queue))
        definitions.queues.push_back(plan_of(info));
    }
    for (const wire::TopicInfo& info : live.topics) {
      if (info.topic == stream.from_topic && !has(definitions.topics, info.topic)) definitions.topics.push_back(plan_of(info));
    }
  }
  for (std::size_t i = 0; i < definitions.queues.size(); ++i) {  // grows meanwhile
    for (const wire::QueueInfo& info : live.queues) {
      if (info.queue == definitions.queues[i].dead_letter_queue && !has(definitions.queues, info.queue))
        definitions.queues.push_back(plan_of(info));
    }
    for (const wire::TopicInfo& info : live.topics) {
      if (info.topic == definitions.queues[i].from_topic && !has(definitions.topics, info.topic))
        definitions.topics.push_back(plan_of(info));
    }
  }
}

Result<void> write_whole(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::ofstream out{fresh, std::ios::trunc};
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(fresh, path, error);
  if (!out || error) return fail("failed", fmt::format("cannot write {}", path));
  return {};
}

}  // namespace

Result<Definitions> read_running_definitions(const supervisor::TopologyEntry& entry, const std::string& broker) {
  const std::string path = supervisor::TopologyFolder{entry.data_folder}.definitions_of(broker);
  std::ifstream in{path};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};  // empty for a broker that a launch file gives nothing to hold
  if (!in.is_open() || in.bad()) return fail("failed", fmt::format("cannot read {}", path));
  return topology::read_definitions(text, path, broker);
}

Result<void> write_running_definitions(supervisor::TopologyEntry& entry, const std::string& broker, Definitions definitions,
                                       const LiveChannels& live) {
  complete(definitions, live);
  topology::Plan plan;
  plan.name = entry.name;
  plan.queues = std::move(definitions.queues);
  plan.topics = std::move(definitions.topics);
  plan.streams = std::move(definitions.streams);
  for (topology::QueuePlan& queue : plan.queues) queue.broker = broker;
  for (topology::TopicPlan& topic : plan.topics) topic.broker = broker;
  for (topology::StreamPlan& stream : plan.streams) stream.broker = broker;
  const std::string text = topology::render_definitions(plan, broker);
  const std::string path = supervisor::TopologyFolder{entry.data_folder}.definitions_of(broker);
  if (const Result<Definitions> again = topology::read_definitions(text, path, broker); !again)
    return fail("failed", "the broker could not start with these definitions again:\n" + again.error().message);
  if (const Result<void> written = write_whole(path, text); !written) return written;

  std::erase_if(entry.channels, [&](const supervisor::ChannelEntry& channel) { return channel.broker == broker; });
  for (supervisor::ChannelEntry& channel : supervisor::entry_of(plan).channels) entry.channels.push_back(std::move(channel));
  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  if (!registry) return Failure<Error>{registry.error()};
  return registry->write(entry);
}

}  // namespace remuda::cli
