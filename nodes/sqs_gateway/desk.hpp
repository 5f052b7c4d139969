#pragma once
// What the verbs share: the queue node behind its link, what is known of its queues, and the rules that span several calls. All of it on
// the link's thread.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/sqs_gateway/answer.hpp"
#include "nodes/sqs_gateway/broker_link.hpp"
#include "nodes/sqs_gateway/queue_attributes.hpp"

namespace remuda::sqs {

using Done = std::function<void(Answered<Output>)>;

/// A call that is being answered.
struct Visit {
  Call call;
  Done done;
  /// False once the client has hung up: what was received for it goes back.
  std::function<bool()> is_wanted;
};

class Desk {
 public:
  /// `cool_down`: how long after a purge the next one, and after a deletion the creation of that queue, is refused. Amazon: 60 s.
  Desk(BrokerLink& link, std::chrono::milliseconds cool_down) : link_{link}, cool_down_{cool_down} {}

  [[nodiscard]] BrokerClient& broker() { return link_.client(); }
  [[nodiscard]] BrokerLink& link() { return link_; }
  [[nodiscard]] const Clock& clock() const { return link_.clock(); }

  /// What is known of a queue, at most a second old; asked for when it is not. The pointer is valid during the call.
  using Found = std::function<void(Answered<const wire::QueueInfo*>)>;
  void with_queue(const std::string& queue, Found found);
  /// Asks anew.
  void with_fresh_queue(const std::string& queue, Found found);
  void with_queues(std::function<void(Answered<std::vector<wire::QueueInfo>>)> found);
  /// What was known of the queue is old.
  void forget(const std::string& queue) { known_.erase(queue); }

  /// Declarations read, change and write: one of them at a time. `task` gets what to call at its end.
  void in_turn(std::function<void(std::function<void()> end)> task);
  void declare(const topology::QueuePlan& queue, std::function<void(Answered<void>)> done);

  void with_topics(std::function<void(Answered<std::vector<wire::TopicInfo>>)> found);

  /// Called with every subscription that is made or changed: somebody has to carry its messages.
  std::function<void(const std::string& queue)> on_subscription;
  /// Grows with every call: the sequence of a message in a FIFO topic.
  std::uint64_t next_topic_sequence();

  /// Errors: `purge_queue_in_progress`, `queue_deleted_recently`; else the moment is noted.
  Answered<void> note_purge(const std::string& queue);
  Answered<void> check_creation(const std::string& queue);
  void note_deletion(const std::string& queue);

  /// The highest sequence that a queue has given: a send that answers no higher one was a repetition.
  bool is_new_sequence(const std::string& queue, std::uint64_t sequence);

 private:
  struct Known {
    wire::QueueInfo info;
    Instant at{};
  };

  BrokerLink& link_;
  std::chrono::milliseconds cool_down_;
  std::map<std::string, Known, std::less<>> known_;
  std::map<std::string, std::vector<Found>> asking_;
  std::deque<std::function<void(std::function<void()>)>> turns_;
  std::map<std::string, Instant> purged_;
  std::map<std::string, Instant> deleted_;
  std::map<std::string, std::uint64_t> sequences_;
  std::uint64_t topic_sequence_ = 0;

  void next_turn();
  [[nodiscard]] bool is_cooling(std::map<std::string, Instant>& since, const std::string& queue) const;
};

/// Errors: `invalid_parameter_value`: the dead-letter queue is not there, of another kind, or does not allow it.
Answered<void> check_dead_letter_queue(const topology::QueuePlan& queue, const std::vector<wire::QueueInfo>& queues);

/// The queue that QueueUrl names. Errors: `missing_parameter`, `invalid_address`.
Answered<std::string> queue_of(const Call& call);

}  // namespace remuda::sqs
