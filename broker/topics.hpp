#pragma once
// The topics of a broker: which queues and streams are chained to each and under which filter, and who listens live. Decides where a published
// message goes; stores nothing. What must survive a restart is a topic's definition, which the engine keeps as opaque bytes.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/commands.hpp"
#include "broker/live_feed.hpp"
#include "common/filter/filter_policy.hpp"
#include "common/filter/selector.hpp"
#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda::broker {

/// A queue or stream that gets a copy of every message of a topic that its filter wants (topic-queue chaining).
struct Chain {
  std::string channel;
  QueueId queue_id = 0;
  StreamId stream_id = 0;     ///< one of the two is 0
  std::string filter_policy;  ///< JSON text; empty: everything
  bool filter_on_attributes = false;
  FilterPolicy policy;  ///< the same, compiled
  bool is_fifo = false;
};

struct Topic {
  std::string name;
  std::vector<Chain> chains;
  std::optional<Selector> deduplicate_by;  ///< a FIFO topic; absent: a standard topic
  LiveFeed feed;
  std::uint64_t published = 0;  ///< since the broker started
};

/// A queue or stream as a topic sees it.
struct ChainedChannel {
  std::string name;
  QueueId queue_id = 0;
  StreamId stream_id = 0;
  bool is_fifo = false;
};

class Topics {
 public:
  using Finder = std::function<std::optional<ChainedChannel>(std::string_view)>;

  [[nodiscard]] Topic* find(std::string_view name);
  [[nodiscard]] const std::map<std::string, Topic, std::less<>>& all() const { return topics_; }
  Topic& declare(std::string_view name);
  /// Nobody may publish to it or listen any more; what was chained to it is chained to nothing.
  void remove(std::string_view name);
  /// Chains the channel to the topic, which is declared if need be, in place of any topic it was chained to; an empty topic only
  /// unchains it. Returns the topics that changed. Errors: `invalid_filter_policy`; nothing was changed then.
  Result<std::vector<std::string>> chain(std::string_view topic, const ChainedChannel& channel, std::string_view filter_policy,
                                         bool filter_on_attributes);
  /// The chain of a queue or stream and the topic that it hangs on; null when it is chained to none.
  struct Found {
    const Topic* topic = nullptr;
    const Chain* chain = nullptr;
  };
  [[nodiscard]] Found chain_of(std::string_view channel) const;

  /// The definition of a topic as bytes, and back. What `find` does not know is left out.
  [[nodiscard]] static std::string definition(const Topic& topic);
  /// Errors: `malformed_definition`.
  Result<void> restore(std::string_view name, std::string_view definition, const Finder& find);

 private:
  std::map<std::string, Topic, std::less<>> topics_;
  std::map<std::string, std::string, std::less<>> topic_of_;  // of each chained channel, by name
};

/// Compiles a policy; the empty text wants everything. Errors: `invalid_filter_policy`.
Result<FilterPolicy> compile_filter(std::string_view filter_policy, bool filter_on_attributes);

}  // namespace remuda::broker
