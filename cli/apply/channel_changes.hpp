#pragma once
// What has to happen to the queues, topics and streams of a running broker so that they are what a launch file says. Pure: definitions and
// what the broker holds go in, changes come out in the order in which they must be carried out.
//
// One of them is removed only if the definitions that the broker runs with named it and the new ones do not: what somebody
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
[[nodiscard]] std::vector<Difference> differences(const topology::StreamPlan& before, const topology::StreamPlan& after);

enum class Change {
  create,
  change,
  /// A standard queue becomes a FIFO queue or the reverse, or a stream gets another number of partitions: deleted, and made anew.
  replace,
  remove,
};
std::ostream& operator<<(std::ostream& out, Change change);

enum class ChangedKind { topic, queue, stream };
std::ostream& operator<<(std::ostream& out, ChangedKind kind);

struct ChannelChange {
  Change change = Change::create;
  ChangedKind kind = ChangedKind::queue;
  std::string name;
  std::vector<Difference> differences;  ///< of a change; what is said of it, when it is new
  std::string loses;                    ///< the messages that would be lost; empty: none
  [[nodiscard]] bool destroys() const { return change == Change::replace || change == Change::remove || !loses.empty(); }
};

/// What a broker holds now.
struct LiveChannels {
  std::vector<wire::QueueInfo> queues;
  std::vector<wire::TopicInfo> topics;
  std::vector<wire::StreamInfo> streams = {};
};

/// Topics come before the queues and streams that feed on them, dead-letter queues before what fills them; what is removed comes
/// last, the other way round. `now_ms`: Unix time, by which records are old.
[[nodiscard]] std::vector<ChannelChange> channel_changes(const topology::Definitions& before, const topology::Definitions& wanted,
                                                         const LiveChannels& live, std::int64_t now_ms = 0);

}  // namespace remuda::cli
