#include "nodes/sqs_gateway/desk.hpp"

#include <algorithm>
#include <utility>

#include "common/declarations.hpp"
#include "nodes/sqs_gateway/names.hpp"

namespace remuda::sqs {
namespace {

/// How long a change by somebody else may go unnoticed.
constexpr std::chrono::seconds knowledge_lasts{1};
constexpr std::size_t known_max = 10'000;

}  // namespace

Answered<std::string> queue_of(const Call& call) {
  Input in{call.input};
  const auto url = in.text("QueueUrl");
  if (in.error()) return Failure{*in.error()};
  return queue_of_url(url);
}

void Desk::with_queue(const std::string& queue, Found found) {
  const auto known = known_.find(queue);
  if (known != known_.end() && clock().now() < known->second.at + knowledge_lasts) return found(&known->second.info);
  with_fresh_queue(queue, std::move(found));
}

void Desk::with_fresh_queue(const std::string& queue, Found found) {
  auto& askers = asking_[queue];
  askers.push_back(std::move(found));
  if (askers.size() > 1) return;
  broker().queue_info(queue, [this, queue](Result<wire::QueueInfo> info) {
    const auto waiting = std::move(asking_[queue]);
    asking_.erase(queue);
    if (!info) {
      forget(queue);
      for (const auto& each : waiting) each(Failure{from_broker(info.error())});
      return;
    }
    if (known_.size() >= known_max) known_.clear();
    known_[queue] = {*info, clock().now()};
    for (const auto& each : waiting) each(&*info);
  });
}

void Desk::with_queues(std::function<void(Answered<std::vector<wire::QueueInfo>>)> found) {
  broker().list_queues([found = std::move(found)](Result<std::vector<wire::QueueInfo>> queues) {
    if (!queues) return found(Failure{from_broker(queues.error())});
    found(std::move(*queues));
  });
}

void Desk::with_topics(std::function<void(Answered<std::vector<wire::TopicInfo>>)> found) {
  broker().list_topics([found = std::move(found)](Result<std::vector<wire::TopicInfo>> topics) {
    if (!topics) return found(Failure{from_broker(topics.error())});
    found(std::move(*topics));
  });
}

std::uint64_t Desk::next_topic_sequence() {
  // By the clock, so that it grows also from one start to the next.
  const auto by_clock = static_cast<std::uint64_t>(to_unix_ms(clock().wall_now())) * 1'000'000;
  topic_sequence_ = std::max(topic_sequence_ + 1, by_clock);
  return topic_sequence_;
}

void Desk::in_turn(std::function<void(std::function<void()> end)> task) {
  turns_.push_back(std::move(task));
  if (turns_.size() == 1) next_turn();
}

void Desk::next_turn() {
  turns_.front()([this, ended = std::make_shared<bool>(false)] {
    if (std::exchange(*ended, true)) return;
    turns_.pop_front();
    if (!turns_.empty()) next_turn();
  });
}

void Desk::declare(const topology::QueuePlan& queue, std::function<void(Answered<void>)> done) {
  broker().declare_queue(declaration_of(queue), [this, name = queue.name, done = std::move(done)](const Result<Unit>& declared) {
    forget(name);
    if (!declared) return done(Failure{from_broker(declared.error())});
    done({});
  });
}

bool Desk::is_cooling(std::map<std::string, Instant>& since, const std::string& queue) const {
  std::erase_if(since, [&](const auto& entry) { return clock().now() >= entry.second + cool_down_; });
  return since.contains(queue);
}

Answered<void> Desk::note_purge(const std::string& queue) {
  if (is_cooling(purged_, queue))
    return refuse(Fault::purge_queue_in_progress, "Only one PurgeQueue operation on " + queue + " is allowed every 60 seconds.");
  purged_[queue] = clock().now();
  return {};
}

Answered<void> Desk::check_creation(const std::string& queue) {
  if (is_cooling(deleted_, queue))
    return refuse(Fault::queue_deleted_recently,
                  "You must wait 60 seconds after deleting a queue before you can create another with the same name.");
  return {};
}

void Desk::note_deletion(const std::string& queue) {
  forget(queue);
  purged_.erase(queue);
  sequences_.erase(queue);
  deleted_[queue] = clock().now();
}

bool Desk::is_new_sequence(const std::string& queue, std::uint64_t sequence) {
  auto& highest = sequences_[queue];
  if (sequence <= highest) return false;
  highest = sequence;
  return true;
}

}  // namespace remuda::sqs
