#include "cli/broker_access.hpp"

#include <fmt/format.h>

#include "cli/running.hpp"
#include "common/suggestion.hpp"

namespace remuda::cli {

std::vector<Option> broker_options(BrokerOptions& options) {
  return {topology_option(options.topology),
          {"--broker", "The endpoint of a broker that runs by itself: tcp://127.0.0.1:5550", &options.broker}};
}

Result<BrokerAccess> BrokerAccess::open(const BrokerOptions& options) {
  BrokerAccess access;
  if (options.broker) {
    if (const Result<void> good = check_endpoint(*options.broker); !good) return Failure<Error>{good.error()};
    access.brokers_.push_back({*options.broker, *options.broker});
    return access;
  }
  Result<supervisor::TopologyEntry> entry = find_running(options.topology);
  if (!entry) return Failure<Error>{entry.error()};
  for (const auto& [name, endpoint] : entry->brokers) access.brokers_.push_back({name, endpoint});
  access.topology_ = std::move(*entry);
  return access;
}

Result<BrokerEndpoint> BrokerAccess::broker_of(const std::string& channel, const std::string& kind) const {
  if (!topology_) return brokers_.front();
  std::vector<std::string_view> known;
  for (const supervisor::ChannelEntry& entry : topology_->channels) {
    if (entry.kind != kind) continue;
    known.push_back(entry.name);
    if (entry.name != channel) continue;
    for (const BrokerEndpoint& broker : brokers_) {
      if (broker.name == entry.broker) return broker;
    }
  }
  const std::string_view meant = closest_name(channel, known);
  return fail("no_such_" + kind, fmt::format("topology '{}' has no {} '{}'{}", topology_->name, kind, channel,
                                             meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)));
}

std::unique_ptr<BlockingBrokerClient> BrokerAccess::connect(const BrokerEndpoint& broker, std::chrono::milliseconds patience) {
  return std::make_unique<BlockingBrokerClient>(broker.endpoint, ClientIdentity{"remuda", ""}, patience);
}

std::string next_after(const Error& error) {
  if (error.code == "not_running")
    return "remuda ps shows what runs; remuda up FILE starts one; --broker ENDPOINT reaches a lone broker";
  if (error.code == "unreachable" || error.code == "timed_out") return "remuda ps says how the broker is";
  if (error.code == "no_such_queue") return "remuda queue ls";
  if (error.code == "no_such_topic") return "remuda topic ls";
  if (error.code == "no_such_stream") return "remuda stream ls";
  if (error.code == "invalid_position") return "remuda stream info shows which offsets there are";
  if (error.code == "storage_full") return "make room on the broker's disk; deletes still work";
  if (error.code == "queue_full") return "remuda queue info shows what it may hold; a consumer, or remuda queue purge, makes room";
  if (error.code == "missing_group_id") return "remuda queue info shows where the queue reads it from; --group says it";
  if (error.code == "missing_deduplication_id") return "remuda queue info shows where the queue reads it from; --dedup-id says it";
  if (error.code == "wrong_usage") return "remuda ps";
  return "--help shows what is possible";
}

}  // namespace remuda::cli
