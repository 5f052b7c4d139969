// Who may do what: the whole table of roles and operations, and the names in requests.

#include "broker/access.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

using namespace remuda;
using keys::Role;

namespace {

// One row an operation: observer, node, operator, admin.
const std::map<std::string, std::string> table{
    {"hello", "yyyy"},
    {"ping", "yyyy"},
    {"cancel_receives", "yyyy"},
    {"unsubscribe", "yyyy"},
    {"credit", "yyyy"},
    {"send", "-y-y"},
    {"publish", "-y-y"},
    {"receive", "-y-y"},
    {"delete", "-y-y"},
    {"change_visibility", "-y-y"},
    {"retry_later", "-y-y"},
    {"reject", "-y-y"},
    {"release", "-y-y"},
    {"transact", "-y-y"},
    {"progress", "-y-y"},
    {"append", "-y-y"},
    {"stream_take", "-y-y"},
    {"stream_checkpoint", "-y-y"},
    {"subscribe", "yyyy"},
    {"queue_info", "yyyy"},
    {"stream_info", "yyyy"},
    {"stream_read", "yyyy"},
    {"peek", "y-yy"},
    {"list_queues", "y-yy"},
    {"list_topics", "y-yy"},
    {"list_streams", "y-yy"},
    {"list_moves", "y-yy"},
    {"purge", "--yy"},
    {"redrive", "--yy"},
    {"start_move", "--yy"},
    {"cancel_move", "--yy"},
    {"stream_seek", "--yy"},
    {"declare_queue", "---y"},
    {"delete_queue", "---y"},
    {"declare_topic", "---y"},
    {"delete_topic", "---y"},
    {"declare_stream", "---y"},
    {"delete_stream", "---y"},
    {"backup", "---y"},
    {"backup_read", "---y"},
    {"backup_end", "---y"},
};
const std::vector<Role> roles{Role::observer, Role::node, Role::operate, Role::admin};

template <std::size_t... I>
std::vector<wire::Command> one_of_each(std::index_sequence<I...> /*unused*/) {
  return {wire::Command{std::in_place_index<I>}...};
}
std::vector<wire::Command> every_command() {
  return one_of_each(std::make_index_sequence<std::variant_size_v<wire::Command>>{});
}

keys::KnownClient client(Role role, std::vector<std::string> patterns = {"*"}) {
  return {"depot", "key", role, std::move(patterns)};
}
bool may(const keys::KnownClient& who, const wire::Command& command) {
  return !broker::refusal_for(who, command).has_value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(access_of_clients)

BOOST_AUTO_TEST_CASE(every_role_may_do_what_its_column_says_and_nothing_else) {
  std::set<std::string> seen;
  for (const wire::Command& command : every_command()) {
    const std::string operation{wire::name_of(command)};
    BOOST_TEST_REQUIRE(table.contains(operation), operation);
    seen.insert(operation);
    for (std::size_t i = 0; i < roles.size(); ++i)
      BOOST_TEST(may(client(roles[i]), command) == (table.at(operation)[i] == 'y'), operation << " as " << roles[i]);
  }
  BOOST_TEST(seen.size() == table.size());
}

BOOST_AUTO_TEST_CASE(what_is_no_operation_is_nobodys) {
  for (const Role role : roles) BOOST_TEST(!keys::allows(role, "exec"));
}

BOOST_AUTO_TEST_CASE(roles_read_back) {
  for (const Role role : roles) BOOST_TEST(keys::role_from(keys::name_of(role)).value() == role);
  BOOST_TEST(!keys::role_from("root").has_value());
}

BOOST_AUTO_TEST_CASE(every_name_in_a_request_must_match_a_pattern) {
  const auto node = client(Role::node, {"rides", "billing-*"});
  BOOST_TEST(may(node, wire::Send{.queue = "rides", .messages = {}}));
  BOOST_TEST(may(node, wire::Send{.queue = "billing-eu", .messages = {}}));
  BOOST_TEST(!may(node, wire::Send{.queue = "rides2", .messages = {}}));
  BOOST_TEST(!may(node, wire::Publish{.topic = "completed", .messages = {}}));
  BOOST_TEST(!may(node, wire::Append{.stream = "positions", .messages = {}}));
  BOOST_TEST(may(node, wire::Transact{{wire::KeepProgress{"rides", 0, "x"}}}));
  BOOST_TEST(!may(node, wire::Transact{{wire::KeepProgress{"rides-outbox", 0, "x"}}}));
  BOOST_TEST(!may(node, wire::GetProgress{"rides-outbox"}));
  wire::Transact transact;
  transact.steps.emplace_back(wire::Send{.queue = "rides", .messages = {}});
  BOOST_TEST(may(node, transact));
  transact.steps.emplace_back(wire::Send{.queue = "secrets", .messages = {}});
  BOOST_TEST(!may(node, transact));
}

BOOST_AUTO_TEST_CASE(where_messages_are_brought_counts_too) {
  const auto janitor = client(Role::operate, {"rides*"});
  wire::Redrive redrive;
  redrive.queue = "rides-dlq";
  BOOST_TEST(may(janitor, redrive));
  redrive.to = "secrets";
  BOOST_TEST(!may(janitor, redrive));
  wire::StartMove move;
  move.queue = "rides";
  move.to = "secrets";
  BOOST_TEST(!may(janitor, move));
  const auto admin = client(Role::admin, {"rides*"});
  wire::DeclareQueue declare;
  declare.queue = "rides";
  BOOST_TEST(may(admin, declare));
  declare.dead_letter_queue = "secrets";
  BOOST_TEST(!may(admin, declare));
  declare.dead_letter_queue = {};
  declare.from_topic = "secrets";
  BOOST_TEST(!may(admin, declare));
}

BOOST_AUTO_TEST_CASE(a_refusal_says_who_what_and_how_to_change_it) {
  const auto refusal = broker::refusal_for(client(Role::observer), wire::Purge{});
  BOOST_TEST_REQUIRE(refusal.has_value());
  BOOST_TEST(refusal->code == "forbidden");
  BOOST_TEST(refusal->definite);
  BOOST_TEST(
      refusal->message ==
      "'depot' has the role observer, which may not purge; give it another role in the file `clients` of the queue node's key "
      "folder. Nothing was done");
}

BOOST_AUTO_TEST_CASE(patterns_know_one_joker) {
  BOOST_TEST(keys::matches("*", ""));
  BOOST_TEST(keys::matches("rides", "rides"));
  BOOST_TEST(!keys::matches("rides", "Rides"));
  BOOST_TEST(!keys::matches("", "rides"));
  BOOST_TEST(keys::matches("a*c*e", "abcde"));
  BOOST_TEST(keys::matches("a*c*e", "ace"));
  BOOST_TEST(!keys::matches("a*c*e", "abcd"));
  BOOST_TEST(keys::matches("*-dlq", "rides-dlq-dlq"));
  BOOST_TEST(!keys::matches("r?des", "rides"));
  std::string jokers(60, '*');
  jokers.push_back('b');
  BOOST_TEST(!keys::matches(jokers, std::string(80, 'a')));  // and ends within this day
}

BOOST_AUTO_TEST_SUITE_END()
