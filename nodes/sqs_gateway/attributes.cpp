// What is said of a queue: attributes, tags, permissions.

#include <algorithm>

#include "common/declarations.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using Change = std::function<Answered<void>(topology::QueuePlan&)>;

/// Reads the queue, changes what is known of it, and declares it so.
void change_queue(Desk& desk, Visit visit, Change change) {
  const auto name = queue_of(visit.call);
  if (!name) return visit.done(Failure{name.error()});
  desk.in_turn([&desk, visit = std::move(visit), name = *name, change = std::move(change)](std::function<void()> end) {
    const auto finish = [visit, end = std::move(end)](const Answered<void>& changed) {
      end();
      if (!changed) return visit.done(Failure{changed.error()});
      visit.done(Output{});
    };
    desk.with_queues([&desk, finish, name, change](Answered<std::vector<wire::QueueInfo>> queues) {
      if (!queues) return finish(Failure{queues.error()});
      const auto found =
          std::find_if(queues->begin(), queues->end(), [&](const wire::QueueInfo& info) { return info.queue == name; });
      if (found == queues->end()) return finish(Failure{from_broker({"no_such_queue", {}, true})});
      const auto before = plan_of(*found);
      auto queue = before;
      if (auto changed = change(queue); !changed) return finish(changed);
      if (queue.dead_letter_queue != before.dead_letter_queue) {
        if (auto checked = check_dead_letter_queue(queue, *queues); !checked) return finish(checked);
      }
      note_times(queue, to_unix_ms(desk.clock().wall_now()) / 1'000, false);
      desk.declare(queue, finish);
    });
  });
}

void look_at_queue(Desk& desk, Visit visit, std::function<Answered<Output>(const wire::QueueInfo&)> look) {
  const auto name = queue_of(visit.call);
  if (!name) return visit.done(Failure{name.error()});
  desk.with_fresh_queue(*name, [visit = std::move(visit), look = std::move(look)](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    visit.done(look(**found));
  });
}

/// The statements of a queue's policy; a permission is one of them, under its label.
nlohmann::ordered_json policy_of(const topology::QueuePlan& queue) {
  const auto settings = settings_of(queue);
  const auto text = settings.find("Policy");
  auto policy = text == settings.end() ? nlohmann::ordered_json{} : nlohmann::ordered_json::parse(text->second, nullptr, false);
  if (!policy.is_object()) policy = {{"Version", "2012-10-17"}, {"Id", queue_arn(queue.name) + "/SQSDefaultPolicy"}};
  auto& statements = policy["Statement"];
  if (statements.is_object()) statements = nlohmann::ordered_json::array({statements});
  if (!statements.is_array()) statements = nlohmann::ordered_json::array();
  return policy;
}

bool is_labelled(const nlohmann::ordered_json& statement, const std::string& label) {
  return statement.is_object() && statement.contains("Sid") && statement["Sid"] == label;
}

Failure<AwsError> invalid_label(const std::string& label, std::string_view reason) {
  return refuse(Fault::invalid_parameter_value, invalid_value(label, "Label", reason));
}

}  // namespace

void get_queue_attributes(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto names = in.texts("AttributeNames");
  if (in.error()) return visit.done(Failure{*in.error()});
  look_at_queue(desk, std::move(visit), [names](const wire::QueueInfo& queue) -> Answered<Output> {
    const auto selected = select(attributes_of(queue), names);
    if (!selected) return Failure{selected.error()};
    auto output = Output::object();
    for (const auto& [name, value] : *selected) output["Attributes"][name] = value;
    return output;
  });
}

void set_queue_attributes(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto given = in.text_map("Attributes");
  if (given.empty()) in.refuse(Fault::missing_parameter, "The request must contain the parameter Attribute.Name.");
  if (in.error()) return visit.done(Failure{*in.error()});
  change_queue(desk, std::move(visit), [given](topology::QueuePlan& queue) { return set_attributes(queue, given); });
}

void tag_queue(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto tags = in.text_map("Tags");
  if (tags.empty()) in.refuse(Fault::missing_parameter, "The request must contain the parameter Tags.");
  if (in.error()) return visit.done(Failure{*in.error()});
  change_queue(desk, std::move(visit), [tags](topology::QueuePlan& queue) { return add_tags(queue, tags); });
}

void untag_queue(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto names = in.texts("TagKeys");
  if (names.empty()) in.refuse(Fault::missing_parameter, "The request must contain the parameter TagKeys.");
  if (in.error()) return visit.done(Failure{*in.error()});
  change_queue(desk, std::move(visit), [names](topology::QueuePlan& queue) -> Answered<void> {
    for (const auto& name : names) {
      if (!is_own_tag(name)) queue.tags.erase(name);
    }
    return {};
  });
}

void list_queue_tags(Desk& desk, Visit visit) {
  look_at_queue(desk, std::move(visit), [](const wire::QueueInfo& queue) -> Answered<Output> {
    auto output = Output::object();
    for (const auto& [name, value] : tags_of(queue)) output["Tags"][name] = value;
    return output;
  });
}

void add_permission(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto label = in.text("Label");
  const auto accounts = in.texts("AWSAccountIds");
  const auto actions = in.texts("Actions");
  if (accounts.empty()) in.refuse(Fault::missing_parameter, "The request must contain the parameter AWSAccountIds.");
  if (actions.empty()) in.refuse(Fault::missing_parameter, "The request must contain the parameter Actions.");
  if (in.error()) return visit.done(Failure{*in.error()});
  change_queue(desk, std::move(visit), [label, accounts, actions](topology::QueuePlan& queue) -> Answered<void> {
    if (!is_queue_name(label))
      return invalid_label(label, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    auto policy = policy_of(queue);
    auto& statements = policy["Statement"];
    for (const auto& statement : statements) {
      if (is_labelled(statement, label)) return invalid_label(label, "Already exists.");
    }
    nlohmann::ordered_json principals = nlohmann::ordered_json::array();
    for (const auto& id : accounts) principals.push_back("arn:aws:iam::" + id + ":root");
    nlohmann::ordered_json allowed = nlohmann::ordered_json::array();
    for (const auto& action : actions) allowed.push_back("SQS:" + action);
    statements.push_back({{"Sid", label},
                          {"Effect", "Allow"},
                          {"Principal", {{"AWS", principals}}},
                          {"Action", allowed},
                          {"Resource", queue_arn(queue.name)}});
    return set_attributes(queue, {{"Policy", policy.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)}});
  });
}

void remove_permission(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto label = in.text("Label");
  if (in.error()) return visit.done(Failure{*in.error()});
  change_queue(desk, std::move(visit), [label](topology::QueuePlan& queue) -> Answered<void> {
    auto policy = policy_of(queue);
    auto left = nlohmann::ordered_json::array();
    for (const auto& statement : policy["Statement"]) {
      if (!is_labelled(statement, label)) left.push_back(statement);
    }
    if (left.size() == policy["Statement"].size()) return invalid_label(label, "can't find label on existing policy.");
    policy["Statement"] = left;
    return set_attributes(queue, {{"Policy", left.empty() ? "" : policy.dump()}});
  });
}

}  // namespace remuda::sqs
