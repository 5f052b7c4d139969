#include "common/runtime/settler.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/channels/broker_connection.hpp"
#include "common/log.hpp"

namespace remuda {
namespace {

/// Errors that pass by themselves: the same request may succeed later.
bool passes(const Error& error) {
  static constexpr std::array<std::string_view, 5> passing{"queue_full", "storage_full", "overloaded", "unreachable", "timed_out"};
  return !error.definite || std::find(passing.begin(), passing.end(), error.code) != passing.end();
}

/// Values by key, in the order in which the keys came first: few keys, so a search is cheaper than a tree, and deterministic.
template <class Key, class Value>
class Grouped {
 public:
  Value& operator[](Key key) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
    return found != entries_.end() ? found->second : entries_.emplace_back(key, Value{}).second;
  }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::vector<std::pair<Key, Value>> entries_;
};

std::chrono::milliseconds longer(std::chrono::milliseconds pause) {
  return std::min(2 * pause, Settler::retry_interval_max);
}

bool is_elsewhere(const Handled& handled, const Outgoing& output) {
  return output.channel->broker() == nullptr || output.channel->broker() != handled.input->broker();
}

/// One of its outputs waits for its receiver to have handled it.
bool depends_on_receivers(const Handled& handled) {
  return std::any_of(handled.outputs.begin(), handled.outputs.end(),
                     [](const Outgoing& output) { return output.channel->waits_for_handling(); });
}

Fate fate_of(const Outcome& outcome) {
  switch (outcome.kind()) {
    case Outcome::Kind::done:
      return Fate::done;
    case Outcome::Kind::retry_later:
      return Fate::retried;
    case Outcome::Kind::reject:
      return Fate::rejected;
  }
  return Fate::done;
}

bool is_stale(const Error& error) {
  return error.code == "stale_handle" || error.code == "stale_lease";
}

/// The message failed after all: its outputs and its reply never existed.
void turn_into_failure(Handled& handled, const Error& error) {
  handled.outcome = Outcome::retry_later.because(error.code + ": " + error.message);
  handled.outputs.clear();
  handled.reply.reset();
}

/// Everything that the group asks of the inputs' broker.
Transaction transaction_of(const std::vector<Handled>& group) {
  Grouped<OutputChannel*, std::vector<std::string_view>> sends;
  Grouped<InputChannel*, std::vector<std::string_view>> deletes;
  for (const auto& handled : group) {
    for (const auto& output : handled.outputs) {
      if (!is_elsewhere(handled, output)) sends[output.channel].emplace_back(output.packed);
    }
    if (handled.outcome.kind() == Outcome::Kind::done) deletes[handled.input].emplace_back(handled.ticket);
  }
  Transaction transaction;
  for (const auto& handled : group) {
    if (handled.reply && handled.outcome.kind() == Outcome::Kind::done)
      handled.input->add_reply(handled.ticket, *handled.reply, transaction);
  }
  for (const auto& [channel, messages] : sends) channel->add_messages(messages, transaction);
  for (const auto& [input, tickets] : deletes) input->add_settlement(tickets, Outcome::done, transaction);
  for (const auto& handled : group) {
    const std::array<std::string_view, 1> ticket{handled.ticket};
    if (handled.outcome.kind() != Outcome::Kind::done) handled.input->add_settlement(ticket, handled.outcome, transaction);
  }
  return transaction;
}

}  // namespace

std::string_view name_of(Fate fate) {
  static constexpr std::array<std::string_view, 4> names{"done", "retried", "rejected", "stale"};
  return names[static_cast<std::size_t>(fate)];
}

std::ostream& operator<<(std::ostream& out, Fate fate) {
  return out << name_of(fate);
}

void Settler::settle(std::vector<Handled> batch) {
  pending_ += batch.size();
  Group group;
  group.reserve(std::min(batch.size(), group_size_max));
  std::size_t bytes = 0;
  for (auto& handled : batch) {
    if (handled.outcome.kind() != Outcome::Kind::done) {
      handled.outputs.clear();
      handled.reply.reset();
    }
    if (handled.outputs.empty() && handled.input->broker() == nullptr) {  // of a direct channel: nothing to wait for
      finish(handled, fate_of(handled.outcome));
      continue;
    }
    if (handled.input->settles_in_order()) {
      handled.order = next_order_++;
      lane_of(*handled.input).expected.push_back(handled.order);
    }
    const std::size_t size = handled.output_bytes();
    if (!group.empty() && (group.size() == group_size_max || bytes + size > group_bytes_max)) {
      settle_group(std::exchange(group, {}));
      group.reserve(group_size_max);
      bytes = 0;
    }
    bytes += size;
    group.push_back(std::move(handled));
  }
  if (!group.empty()) settle_group(std::move(group));
}

void Settler::settle_group(Group group) {
  Group at_home;
  at_home.reserve(group.size());
  auto forwarding = std::make_shared<Group>();
  for (auto& handled : group) {
    const bool elsewhere = std::any_of(handled.outputs.begin(), handled.outputs.end(),
                                       [&](const Outgoing& output) { return is_elsewhere(handled, output); });
    if (depends_on_receivers(handled)) {
      // By itself: its receivers may take long or fail, which is nothing to its neighbours.
      auto alone = std::make_shared<Group>();
      alone->push_back(std::move(handled));
      forward(alone);
    } else {
      (elsewhere ? *forwarding : at_home).push_back(std::move(handled));
    }
  }
  acknowledge_each_home(std::move(at_home));
  if (!forwarding->empty()) forward(forwarding);
}

// ---- outputs elsewhere ----

void Settler::forward(const SharedGroup& group, std::chrono::milliseconds pause) {
  Grouped<OutputChannel*, std::vector<std::string_view>> by_channel;
  for (const auto& handled : *group) {
    for (const auto& output : handled.outputs) {
      if (is_elsewhere(handled, output)) by_channel[output.channel].emplace_back(output.packed);
    }
  }
  struct Join {
    std::size_t left;
    std::optional<Error> error;
    std::optional<Error> receiver_error;
  };
  auto join = std::make_shared<Join>(Join{by_channel.size(), std::nullopt, std::nullopt});
  for (auto& [channel, messages] : by_channel) {
    channel->send(messages, [this, group, join, pause, by_receiver = channel->waits_for_handling()](const Result<void>& answer) {
      if (!answer) (by_receiver ? join->receiver_error : join->error) = answer.error();
      if (--join->left > 0) return;
      if (join->receiver_error) return on_receiver_failed(group, *join->receiver_error);
      on_forwarded(group, join->error, pause);
    });
  }
}

/// Nothing is tried again from here: who asked learns of it, and where the message came from says what becomes of a failed attempt.
void Settler::on_receiver_failed(const SharedGroup& group, const Error& error) {
  for (auto& handled : *group) {
    turn_into_failure(handled, error);
    handled.refusal = error.code;
  }
  held_back_.erase(group.get());
  acknowledge_each_home(std::move(*group));
}

void Settler::on_forwarded(const SharedGroup& group, const std::optional<Error>& error, std::chrono::milliseconds pause) {
  if (error && passes(*error)) {
    if (error->definite) refuse_askers(*group, *error);
    if (group->empty()) return;
    hold_back(group.get(), *error);
    keep(*group);
    keep_those_behind(*group);
    return later(pause, [this, group, pause] { forward(group, longer(pause)); });
  }
  held_back_.erase(group.get());
  if (!error) {
    acknowledge_each_home(std::move(*group));
  } else if (group->size() > 1) {
    // One of them cannot be sent (too large, no such queue): find out which. What was confirmed goes again under its id.
    for (auto& handled : *group) {
      auto alone = std::make_shared<Group>();
      alone->push_back(std::move(handled));
      forward(alone);
    }
  } else {
    turn_into_failure(group->front(), *error);
    acknowledge_each_home(std::move(*group));
  }
}

/// Who waits for an answer is not kept waiting for somebody else's room: it may ask again, with the same id.
void Settler::refuse_askers(Group& group, const Error& error) {
  const auto askers = std::stable_partition(group.begin(), group.end(), [](const Handled& handled) { return !handled.reply; });
  Group refused{std::make_move_iterator(askers), std::make_move_iterator(group.end())};
  group.erase(askers, group.end());
  for (auto& handled : refused) {
    turn_into_failure(handled, error);
    handled.refusal = "overloaded";
  }
  acknowledge_each_home(std::move(refused));
}

// ---- outputs at home ----

void Settler::acknowledge_each_home(Group group) {
  Grouped<BrokerConnection*, SharedGroup> homes;
  for (auto& handled : group) {
    auto* const broker = handled.input->broker();
    if (handled.order != 0) {
      put_into_lane(std::move(handled));
      continue;
    }
    const bool has_outputs = std::any_of(handled.outputs.begin(), handled.outputs.end(),
                                         [&](const Outgoing& output) { return !is_elsewhere(handled, output); });
    if (broker != nullptr && has_outputs) {
      home_of(*broker).line.add(std::move(handled));
      continue;
    }
    auto& home = homes[broker];
    if (!home) {
      home = std::make_shared<Group>();
      home->reserve(group.size());
    }
    home->push_back(std::move(handled));
  }
  for (auto& [home, members] : homes) {
    if (home != nullptr) {
      acknowledge(*home, members);
    } else {
      for (auto& handled : *members) finish(handled, fate_of(handled.outcome));
    }
  }
  for (std::size_t i = 0; i < homes_.size(); ++i) hand_over(*homes_[i]);
}

/// What is ready goes home in its order, as far as nothing before it is still on its way elsewhere.
void Settler::put_into_lane(Handled handled) {
  Lane& lane = lane_of(*handled.input);
  lane.ready.emplace(handled.order, std::move(handled));
  while (!lane.ready.empty() && lane.ready.begin()->first == lane.expected.front()) {
    home_of(*lane.input->broker()).line.add(std::move(lane.ready.extract(lane.ready.begin()).mapped()));
    lane.expected.pop_front();
  }
}

Settler::Lane& Settler::lane_of(InputChannel& input) {
  const auto found = std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& lane) { return lane->input == &input; });
  if (found != lanes_.end()) return **found;
  lanes_.push_back(std::make_unique<Lane>());
  lanes_.back()->input = &input;
  return *lanes_.back();
}

void Settler::drop_lost(Home& home) {
  if (!some_are_lost_) return;
  const auto is_lost = [](const Handled& handled) { return handled.order != 0 && !handled.input->holds(handled.ticket); };
  for (auto& handled : home.line.take_lost(is_lost)) finish(handled, Fate::stale);
}

Settler::Home& Settler::home_of(BrokerConnection& broker) {
  const auto found = std::find_if(homes_.begin(), homes_.end(), [&](const auto& home) { return &home->broker == &broker; });
  return found != homes_.end() ? **found : *homes_.emplace_back(std::make_unique<Home>(broker));
}

void Settler::hand_over(Home& home) {
  drop_lost(home);
  const auto group = std::make_shared<Group>(home.line.next());
  if (group->empty()) return;
  home.broker.transact(transaction_of(*group),
                       [this, &home, group](const Result<Unit>& answer) { on_handed_over(home, *group, answer); });
}

void Settler::on_handed_over(Home& home, Group& group, const Result<Unit>& answer) {
  if (answer) {
    home.line.settled(group.size());
    home.pause = retry_interval;
    held_back_.erase(&home);
    for (auto& handled : group) finish(handled, fate_of(handled.outcome));
  } else if (passes(answer.error())) {
    if (!home.line.refused_for_now(std::move(group))) {
      hold_back(&home, answer.error());
      keep(home.line.waiting());
      later(home.pause, [this, &home] {
        home.line.resume();
        hand_over(home);
      });
      home.pause = longer(home.pause);
    }
  } else if (group.size() > 1) {
    home.line.refused(std::move(group));
  } else if (group.front().order != 0 && group.front().outcome.kind() == Outcome::Kind::done && !is_stale(answer.error())) {
    turn_into_failure(group.front(), answer.error());
    home.line.changed(std::move(group.front()));
  } else {
    home.line.settled(1);
    on_refused(home.broker, std::make_shared<Group>(std::move(group)), answer.error());
  }
  hand_over(home);
}

void Settler::acknowledge(BrokerConnection& home, const SharedGroup& group) {
  home.transact(transaction_of(*group), [this, &home, group](const Result<Unit>& answer) {
    if (!answer) return on_refused(home, group, answer.error());
    for (auto& handled : *group) finish(handled, fate_of(handled.outcome));
  });
}

void Settler::on_refused(BrokerConnection& home, const SharedGroup& group, const Error& error) {
  if (passes(error)) return later(retry_interval_max, [this, &home, group] { acknowledge(home, group); });
  if (group->size() > 1) {
    for (auto& handled : *group) {
      auto alone = std::make_shared<Group>();
      alone->push_back(std::move(handled));
      acknowledge(home, alone);
    }
    return;
  }
  auto& handled = group->front();
  if (is_stale(error)) return finish(handled, Fate::stale);
  if (handled.outcome.kind() != Outcome::Kind::retry_later && handled.order == 0) {
    // An output that cannot be stored, or a rejection where there is no dead-letter queue: a failed attempt like any other.
    turn_into_failure(handled, error);
    return acknowledge(home, group);
  }
  log_warning("a failed attempt could not be recorded: the visibility timeout decides",
              {{"error", error.code}, {"text", error.message}});
  finish(handled, Fate::retried);
}

void Settler::finish(Handled& handled, Fate fate) {
  Settlement settlement{std::move(handled.outcome), std::nullopt, std::move(handled.refusal), fate == Fate::stale};
  if (handled.reply) settlement.reply = std::move(*handled.reply);
  handled.input->settled(handled.ticket, settlement);
  some_are_lost_ = some_are_lost_ || (handled.order != 0 && fate != Fate::done);
  --pending_;
  finished_(handled, fate);
}

void Settler::send(const std::vector<OutputChannel*>& channels, std::string packed, ConfirmHandler confirmed) {
  if (channels.empty()) return confirmed({});
  const auto shared = std::make_shared<const std::string>(std::move(packed));
  pending_ += channels.size();
  if (channels.size() == 1) return send_one(*channels.front(), shared, std::move(confirmed));
  struct Join {
    std::size_t left;
    ConfirmHandler confirmed;
    Result<void> answer;
  };
  const auto join = std::make_shared<Join>(Join{channels.size(), std::move(confirmed), {}});
  for (auto* channel : channels) {
    send_one(*channel, shared, [join](Result<void> answer) {
      if (!answer) join->answer = std::move(answer);
      if (--join->left == 0) join->confirmed(std::move(join->answer));
    });
  }
}

void Settler::send_one(OutputChannel& channel, const std::shared_ptr<const std::string>& packed, ConfirmHandler confirmed,
                       std::chrono::milliseconds pause) {
  const std::array<std::string_view, 1> messages{*packed};
  channel.send(messages, [this, &channel, packed, confirmed = std::move(confirmed), pause](Result<void> answer) {
    if (answer.ok() || !passes(answer.error())) {
      if (!held_back_.empty()) held_back_.erase(packed.get());
      --pending_;
      return confirmed(std::move(answer));
    }
    hold_back(packed.get(), answer.error());
    later(pause, [this, &channel, packed, confirmed, pause] { send_one(channel, packed, confirmed, longer(pause)); });
  });
}

// ---- waiting ----

/// What the messages came from is worked on, however long it takes until their outputs are taken.
template <class Messages>
void Settler::keep(const Messages& messages) {
  Grouped<InputChannel*, std::vector<std::string_view>> tickets;
  for (const auto& handled : messages) tickets[handled.input].emplace_back(handled.ticket);
  for (const auto& [input, its] : tickets) input->keep(its, keep_time);
}

/// Where order counts: those that wait for one of these.
void Settler::keep_those_behind(const Group& group) {
  for (const auto& lane : lanes_) {
    const bool is_meant =
        std::any_of(group.begin(), group.end(), [&](const Handled& handled) { return handled.input == lane->input; });
    if (!is_meant) continue;
    std::vector<std::string_view> tickets;
    for (const auto& [order, handled] : lane->ready) tickets.emplace_back(handled.ticket);
    lane->input->keep(tickets, keep_time);
  }
}

void Settler::hold_back(const void* who, const Error& error) {
  if (error.definite) held_back_[who] = error.message;  // else the connection is broken, which is told elsewhere
}

void Settler::later(std::chrono::milliseconds pause, std::function<void()> task) {
  later_.push_back({now_ + pause, std::move(task)});
}

void Settler::turn(Instant now) {
  now_ = now;
  // Tasks may put themselves back: what is due is taken out first.
  const auto due = std::stable_partition(later_.begin(), later_.end(), [&](const Later& entry) { return entry.due > now; });
  std::vector<Later> tasks{std::make_move_iterator(due), std::make_move_iterator(later_.end())};
  later_.erase(due, later_.end());
  for (auto& entry : tasks) entry.task();
}

Instant Settler::next_deadline() const {
  auto next = Instant::max();
  for (const auto& entry : later_) next = std::min(next, entry.due);
  return next;
}

}  // namespace remuda
