// Queues come, are found, and go.

#include <algorithm>

#include "common/declarations.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/pages.hpp"
#include "nodes/sqs_gateway/subscription.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using Queues = std::vector<wire::QueueInfo>;

struct Creation {
  topology::QueuePlan queue;
  GivenAttributes given;
};

Answered<Creation> read_creation(const Call& call) {
  Input in{call.input};
  const auto name = in.text("QueueName");
  auto given = in.text_map("Attributes");
  // The JSON protocol spells this one in small letters.
  auto tags = in.text_map("tags");
  for (auto& tag : in.text_map("Tags")) tags.push_back(std::move(tag));
  if (in.error()) return Failure{*in.error()};
  const bool wants_fifo =
      std::find(given.begin(), given.end(), std::pair<std::string, std::string>{"FifoQueue", "true"}) != given.end();
  if (!is_queue_name(name) || is_fifo_name(name) != wants_fifo) {
    return refuse(Fault::invalid_parameter_value,
                  wants_fifo
                      ? "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end "
                        "with .fifo suffix and be 1 to 80 in length"
                      : "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  }
  Creation creation{new_queue(name, wants_fifo), std::move(given)};
  if (auto set = set_attributes(creation.queue, creation.given); !set) return Failure{set.error()};
  if (auto added = add_tags(creation.queue, tags); !added) return Failure{added.error()};
  return creation;
}

const wire::QueueInfo* find(const Queues& queues, std::string_view name) {
  const auto found = std::find_if(queues.begin(), queues.end(), [&](const wire::QueueInfo& info) { return info.queue == name; });
  return found == queues.end() ? nullptr : &*found;
}

/// A queue of that name is the one that is asked for, if what was given is what it has.
Answered<void> is_same(const wire::QueueInfo& existing, const Creation& creation) {
  const auto now = settings_of(plan_of(existing));
  const auto wanted = settings_of(creation.queue);
  for (const auto& [name, value] : creation.given) {
    const auto has = now.find(name);
    const auto wants = wanted.find(name);
    const bool equal =
        has != now.end() && wants != wanted.end() ? has->second == wants->second : has == now.end() && wants == wanted.end();
    if (!equal)
      return refuse(Fault::queue_name_exists,
                    "A queue already exists with the same name and a different value for attribute " + name);
  }
  return {};
}

Output url_of(const Call& call, std::string_view queue) {
  return {{"QueueUrl", queue_url(call.base_url, queue)}};
}

}  // namespace

Answered<void> check_dead_letter_queue(const topology::QueuePlan& queue, const std::vector<wire::QueueInfo>& queues) {
  if (queue.dead_letter_queue.empty()) return {};
  const auto invalid = [&](std::string_view reason) {
    const auto policy = settings_of(queue)["RedrivePolicy"];
    return refuse(Fault::invalid_parameter_value, invalid_value(policy, "RedrivePolicy", reason));
  };
  const auto* target = find(queues, queue.dead_letter_queue);
  if (target == nullptr) return invalid("Dead letter target does not exist.");
  if (target->fifo != queue.fifo.has_value()) return invalid("Dead-letter queue must be same type of queue as the source.");
  if (!allows_redrive_from(*target, queue.name)) return invalid("Dead-letter queue does not allow this source queue.");
  return {};
}

void create_queue(Desk& desk, Visit visit) {
  auto creation = read_creation(visit.call);
  if (!creation) return visit.done(Failure{creation.error()});
  if (auto allowed = desk.check_creation(creation->queue.name); !allowed) return visit.done(Failure{allowed.error()});
  desk.in_turn([&desk, visit = std::move(visit), creation = std::move(*creation)](std::function<void()> end) {
    desk.with_queues([&desk, visit, creation, end = std::move(end)](Answered<Queues> queues) mutable {
      const auto finish = [visit, end](Answered<Output> output) {
        end();
        visit.done(std::move(output));
      };
      if (!queues) return finish(Failure{queues.error()});
      auto& queue = creation.queue;
      if (const auto* existing = find(*queues, queue.name)) {
        if (auto same = is_same(*existing, creation); !same) return finish(Failure{same.error()});
        return finish(url_of(visit.call, queue.name));
      }
      if (auto checked = check_dead_letter_queue(queue, *queues); !checked) return finish(Failure{checked.error()});
      note_times(queue, to_unix_ms(desk.clock().wall_now()) / 1'000, true);
      desk.declare(queue, [finish, output = url_of(visit.call, queue.name)](const Answered<void>& declared) {
        if (!declared) return finish(Failure{declared.error()});
        finish(output);
      });
    });
  });
}

void get_queue_url(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto name = in.text("QueueName");
  if (in.error()) return visit.done(Failure{*in.error()});
  desk.with_queue(name, [visit, name](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    visit.done(url_of(visit.call, name));
  });
}

void list_queues(Desk& desk, Visit visit) {
  desk.with_queues([visit = std::move(visit)](const Answered<Queues>& queues) {
    if (!queues) return visit.done(Failure{queues.error()});
    Input in{visit.call.input};
    const auto prefix = in.text_if_any("QueueNamePrefix").value_or("");
    if (in.error()) return visit.done(Failure{*in.error()});
    std::vector<std::string> names;
    for (const auto& queue : *queues) {
      if (is_queue_name(queue.queue) && queue.queue.starts_with(prefix) && !is_own_queue(queue)) names.push_back(queue.queue);
    }
    const auto page = page_of(std::move(names), visit.call.input);
    if (!page) return visit.done(Failure{page.error()});
    auto output = Output::object();
    for (const auto& name : page->names) output["QueueUrls"].push_back(queue_url(visit.call.base_url, name));
    if (!page->next_token.empty()) output["NextToken"] = page->next_token;
    visit.done(std::move(output));
  });
}

void list_dead_letter_source_queues(Desk& desk, Visit visit) {
  const auto name = queue_of(visit.call);
  if (!name) return visit.done(Failure{name.error()});
  desk.with_queues([visit = std::move(visit), name = *name](const Answered<Queues>& queues) {
    if (!queues) return visit.done(Failure{queues.error()});
    if (find(*queues, name) == nullptr) return visit.done(Failure{from_broker({"no_such_queue", {}, true})});
    std::vector<std::string> names;
    for (const auto& queue : *queues) {
      if (queue.dead_letter_queue == name) names.push_back(queue.queue);
    }
    const auto page = page_of(std::move(names), visit.call.input);
    if (!page) return visit.done(Failure{page.error()});
    Output output{{"queueUrls", Output::array()}};
    for (const auto& source : page->names) output["queueUrls"].push_back(queue_url(visit.call.base_url, source));
    if (!page->next_token.empty()) output["NextToken"] = page->next_token;
    visit.done(std::move(output));
  });
}

namespace {

/// Those that name it as their dead-letter queue do so no longer: with Amazon their messages would stay where they are from then on.
void unname(Desk& desk, Queues sources, std::function<void(Answered<void>)> done) {
  if (sources.empty()) return done({});
  auto source = plan_of(sources.back());
  sources.pop_back();
  source.dead_letter_queue.clear();
  source.max_receives = 0;
  desk.declare(source, [&desk, sources = std::move(sources), done = std::move(done)](Answered<void> declared) mutable {
    if (!declared) return done(std::move(declared));
    unname(desk, std::move(sources), std::move(done));
  });
}

}  // namespace

void delete_queue(Desk& desk, Visit visit) {
  const auto name = queue_of(visit.call);
  if (!name) return visit.done(Failure{name.error()});
  desk.in_turn([&desk, visit = std::move(visit), name = *name](std::function<void()> end) {
    const auto finish = [visit, end = std::move(end)](Answered<Output> output) {
      end();
      visit.done(std::move(output));
    };
    desk.with_queues([&desk, finish, name](Answered<Queues> queues) {
      if (!queues) return finish(Failure{queues.error()});
      std::erase_if(*queues, [&](const wire::QueueInfo& queue) { return queue.dead_letter_queue != name; });
      unname(desk, std::move(*queues), [&desk, finish, name](const Answered<void>& unnamed) {
        if (!unnamed) return finish(Failure{unnamed.error()});
        desk.broker().delete_queue({name, true}, [&desk, finish, name](const Result<Unit>& deleted) {
          if (!deleted) return finish(Failure{from_broker(deleted.error())});
          desk.note_deletion(name);
          finish(Output{});
        });
      });
    });
  });
}

void purge_queue(Desk& desk, Visit visit) {
  const auto name = queue_of(visit.call);
  if (!name) return visit.done(Failure{name.error()});
  desk.with_queue(*name, [&desk, visit = std::move(visit), name = *name](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    if (auto noted = desk.note_purge(name); !noted) return visit.done(Failure{noted.error()});
    desk.broker().purge({name, {}, false}, [visit](const Result<std::uint64_t>& purged) {
      if (!purged) return visit.done(Failure{from_broker(purged.error())});
      visit.done(Output{});
    });
  });
}

}  // namespace remuda::sqs
