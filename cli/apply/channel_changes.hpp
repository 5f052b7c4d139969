#pragma once
// What has to happen to the queues and topics of a running broker so that they are what a launch file says. Pure: definitions and
// what the broker holds go in, changes come out in the order in which they must be carried out.
//
// A queue or topic is removed only if the definitions that the broker runs with named it and the new ones do not: what somebody
// created by hand is left alone.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "common/topology/definitions.hpp"
#include "common/wire.hpp"

namespace remuda::cli {

/// One setting, in the launch file's words. Empty: it is not there.
struct Difference {
  std::string key;
  std::string before;
  std::string after;
  friend bool operator==(const Difference&, const Difference&) = default;
};
/// Written `visibility_timeout "30s" -> "10s"`, `+ fifo = {...}`, `- delay = "5s"`.
std::string as_text(const Difference& difference);

[[nodiscard]] std::vector<Difference> differences(const topology::QueuePlan& before, const topology::QueuePlan& after);
[[nodiscard]] std::vector<Difference> differences(const topology::TopicPlan& before, const topology::TopicPlan& after);

enum class Change {
  create,
  change,
  replace,  ///< a standard queue becomes a FIFO queue or the reverse: deleted, and made anew
  remove,
};
std::ostream& operator<<(std::ostream& out, Change change);

struct ChannelChange {
  Change change = Change::create;
  bool is_queue = true;
  std::string name;
  std::vector<Difference> differences;  ///< of a change; what is said of it, when it is new
  std::string loses;                    ///< the messages that would be lost; empty: none
  [[nodiscard]] bool destroys() const { return change == Change::replace || change == Change::remove || !loses.empty(); }
};

/// What a broker holds now.
struct LiveChannels {
  std::vector<wire::QueueInfo> queues;
  std::vector<wire::TopicInfo> topics;
};

/// Topics come before the queues that feed on them, dead-letter queues before the queues that fill them; what is removed comes
/// last, the other way round.
[[nodiscard]] std::vector<ChannelChange> channel_changes(const topology::Definitions& before, const topology::Definitions& wanted,
                                                         const LiveChannels& live);

}  // namespace remuda::cli
