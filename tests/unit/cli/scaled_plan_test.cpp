// The plan with other numbers of replicas: it is the one that the launch file would give, and whoever runs stays where it is.

#include "cli/supervisor/scaled_plan.hpp"

#include "cli/supervisor/registry.hpp"
#include "common/topology/config_view.hpp"
#include "tests/unit/topology/launch_fixture.hpp"

namespace remuda::supervisor {
namespace {

using topology::Plan;
using topology::ProcessPlan;

struct ScaledPlanFixture : topology::testing::LaunchFixture {
  /// A ticker and a display on a channel, each with its replicas.
  Plan ticks(const std::string& channel, int tickers, int displays) {
    write(channel + "\n[nodes.clock]\nexec = \"ticker\"\nports = { ticks = \"ticks\" }\nreplicas = " + std::to_string(tickers) +
          "\n[nodes.wall]\nexec = \"display\"\nports = { ticks = \"ticks\" }\nreplicas = " + std::to_string(displays) + "\n");
    return wired();
  }
  Plan questions(const std::string& request, int gateways, int accountants) {
    write("[brokers.main]\n[queues.rides]\n" + request + "\n[nodes.gateway]\nexec = \"gateway\"\nports = { ask = \"account\" }\n" +
          "params = { listen = \"127.0.0.1:0\" }\nreplicas = " + std::to_string(gateways) +
          "\n[nodes.accounting]\nexec = \"customer_accounting\"\nports = { rides = \"rides\", query = \"account\" }\nreplicas = " +
          std::to_string(accountants) + "\n");
    return wired();
  }
  static std::string text_of(Plan plan) {
    plan.hash.clear();
    return topology::plan_as_json(plan);
  }
  static std::string scaled_text(const Plan& plan, const std::string& node, int replicas) {
    const Result<Plan> other = scaled(plan, node, replicas);
    return other ? text_of(*other) : other.error().message;
  }
  static const ProcessPlan& find(const Plan& plan, const std::string& node, int replica) {
    for (const ProcessPlan& process : plan.processes) {
      if (process.node == node && process.replica == replica) return process;
    }
    throw std::runtime_error{"no process " + node};
  }
};

const std::string stream = "[brokers.main]\n[streams.ticks]\npartitions = 4";
const std::vector<std::string> tick_channels{"[brokers.main]\n[queues.ticks]", stream,
                                             "[brokers.main]\n[topics.ticks]\nbroker = \"main\"", "[topics.ticks]",
                                             "[pipes.ticks]"};
const std::vector<std::string> question_channels{"[requests.account]\ntimeout = \"2s\"", "[requests.account]\nbroker = \"main\""};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(a_scaled_plan, ScaledPlanFixture)

BOOST_AUTO_TEST_CASE(is_the_one_that_the_launch_file_with_that_number_gives) {
  for (const std::string& channel : tick_channels) {
    BOOST_TEST_CONTEXT(channel) {
      const Plan small = ticks(channel, 1, 1);
      BOOST_TEST(scaled_text(small, "wall", 3) == text_of(ticks(channel, 1, 3)));
      BOOST_TEST(scaled_text(small, "clock", 3) == text_of(ticks(channel, 3, 1)));
      const Plan large = ticks(channel, 4, 5);
      BOOST_TEST(scaled_text(large, "wall", 2) == text_of(ticks(channel, 4, 2)));
      BOOST_TEST(scaled_text(large, "clock", 1) == text_of(ticks(channel, 1, 5)));
    }
  }
  for (const std::string& request : question_channels) {
    BOOST_TEST_CONTEXT(request) {
      const Plan small = questions(request, 1, 1);
      BOOST_TEST(scaled_text(small, "accounting", 3) == text_of(questions(request, 1, 3)));
      BOOST_TEST(scaled_text(small, "gateway", 2) == text_of(questions(request, 2, 1)));
      const Plan large = questions(request, 3, 2);
      BOOST_TEST(scaled_text(large, "accounting", 1) == text_of(questions(request, 3, 1)));
      BOOST_TEST(scaled_text(large, "gateway", 1) == text_of(questions(request, 1, 2)));
    }
  }
}

BOOST_AUTO_TEST_CASE(gives_new_replicas_endpoints_that_nobody_has_where_several_nodes_listen) {
  const std::string two_walls =
      "[pipes.ticks]\n[nodes.clock]\nexec = \"ticker\"\nports = { ticks = \"ticks\" }\n"
      "[nodes.wall]\nexec = \"display\"\nports = { ticks = \"ticks\" }\nreplicas = 2\n"
      "[nodes.watch]\nexec = \"display\"\nports = { ticks = \"ticks\" }\n";
  write(two_walls);
  const Plan before = wired();
  const Plan after = scaled(before, "wall", 3).value();
  const std::string at = "ticks=pipe:ipc://@remuda/story-00000000/ticks.";
  BOOST_TEST(find(after, "wall", 1).arguments.back() == at + "1/ticks");
  BOOST_TEST(find(after, "watch", 0).arguments.back() == at + "2/ticks");
  BOOST_TEST(find(after, "wall", 2).arguments.back() == at + "3/ticks");
  BOOST_TEST(changed_ports(find(before, "watch", 0), find(after, "watch", 0)).empty());
  // And the number of one that has left goes to the next that comes.
  const Plan fewer = scaled(after, "wall", 1).value();
  BOOST_TEST(find(scaled(fewer, "watch", 2).value(), "watch", 1).arguments.back() == at + "1/ticks");
}

BOOST_AUTO_TEST_CASE(changes_what_neighbours_have_to_know_and_nothing_else) {
  const auto changed = [&](const Plan& before, const Plan& after) {
    std::string nodes;
    for (const ProcessPlan& process : before.processes) {
      if (!changed_ports(process, find(after, process.node, process.replica)).empty()) nodes += process.node + " ";
    }
    return nodes;
  };
  const std::vector<std::string> nobody{"[brokers.main]\n[queues.ticks]", stream,
                                        "[brokers.main]\n[topics.ticks]\nbroker = \"main\""};
  for (const std::string& channel : nobody) {
    const Plan plan = ticks(channel, 1, 1);
    BOOST_TEST(changed(plan, scaled(plan, "wall", 2).value()) == "");
    BOOST_TEST(changed(plan, scaled(plan, "clock", 2).value()) == "");
  }
  const Plan pipe = ticks("[pipes.ticks]", 1, 1);
  BOOST_TEST(changed(pipe, scaled(pipe, "wall", 2).value()) == "clock ");
  BOOST_TEST(changed(pipe, scaled(pipe, "clock", 2).value()) == "");
  const Plan topic = ticks("[topics.ticks]", 1, 1);
  BOOST_TEST(changed(topic, scaled(topic, "wall", 2).value()) == "clock ");
  BOOST_TEST(changed(topic, scaled(topic, "clock", 2).value()) == "wall ");
  const Plan request = questions(question_channels[0], 1, 1);
  BOOST_TEST(changed(request, scaled(request, "accounting", 2).value()) == "gateway ");
  BOOST_TEST(changed(request, scaled(request, "gateway", 2).value()) == "");
}

BOOST_AUTO_TEST_CASE(says_which_queues_new_askers_need_for_their_answers) {
  const Plan before = questions(question_channels[1], 1, 1);
  const Plan after = scaled(before, "gateway", 3).value();
  BOOST_TEST((reply_queues_added(before, after) ==
              std::vector<ReplyQueue>{{"account-replies-gateway-1", "account-replies-gateway-0", "main"},
                                      {"account-replies-gateway-2", "account-replies-gateway-0", "main"}}));
  BOOST_TEST(reply_queues_added(after, before).empty());
}

BOOST_AUTO_TEST_CASE(has_remarks_where_more_replicas_do_not_share_the_work) {
  BOOST_TEST(remarks_on(ticks(tick_channels[0], 1, 3), "wall").empty());
  const auto of_stream = remarks_on(ticks(stream, 1, 5), "wall");
  BOOST_REQUIRE(of_stream.size() == 1U);
  BOOST_TEST(of_stream[0] == "5 replicas share stream ticks, which has 4 partitions: some have nothing to do");
  const auto of_topic = remarks_on(ticks("[topics.ticks]", 1, 2), "wall");
  BOOST_REQUIRE(of_topic.size() == 1U);
  BOOST_TEST(of_topic[0] == "each of the 2 replicas gets every message of topic ticks; a queue between shares the work");
  BOOST_TEST(remarks_on(ticks("[topics.ticks]", 2, 1), "clock").empty());
}

BOOST_AUTO_TEST_CASE(is_refused_for_brokers_and_where_other_machines_would_have_to_be_told) {
  Plan plan = ticks(tick_channels[0], 1, 1);
  BOOST_TEST(scaled(plan, "main", 2).error().code == "not_scalable");
  BOOST_TEST(scaled(plan, "walls", 2).error().code == "no_such_node");

  plan = ticks("[pipes.ticks]", 1, 1);
  std::erase_if(plan.processes, [](const ProcessPlan& process) { return process.node == "clock"; });  // as on another machine
  const Error refused = scaled(plan, "wall", 2).error();
  BOOST_TEST(refused.code == "not_scalable");
  BOOST_TEST(refused.message.find("clock runs on another machine") == 0U, refused.message);
  // Who connects changes nothing for the other side.
  plan = ticks("[pipes.ticks]", 1, 1);
  std::erase_if(plan.processes, [](const ProcessPlan& process) { return process.node == "wall"; });
  BOOST_TEST(scaled(plan, "clock", 2).ok());
}

BOOST_AUTO_TEST_CASE(moves_the_endpoints_that_verbs_ask_at) {
  const Plan before = questions(question_channels[0], 1, 1);
  TopologyEntry entry = entry_of(before);
  for (ChannelEntry& channel : entry.channels) {
    if (channel.name == "account") channel.endpoints.emplace_back("tcp://10.0.0.2:7000");  // of another machine
  }
  const Plan after = scaled(before, "accounting", 2).value();
  replace_endpoints(entry, before, after);
  BOOST_TEST(entry.find_channel("account")->endpoints ==
                 (std::vector<std::string>{"tcp://10.0.0.2:7000", "ipc://@remuda/story-00000000/account.0",
                                           "ipc://@remuda/story-00000000/account.1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(what_scale_is_asked)

BOOST_AUTO_TEST_CASE(is_how_many_of_which_as_a_launch_file_may_say) {
  const auto counts = replica_counts({"accounting=3", "printer=256"});
  BOOST_REQUIRE(counts);
  BOOST_TEST((*counts == std::vector<std::pair<std::string, int>>{{"accounting", 3}, {"printer", 256}}));
  BOOST_TEST(replica_counts({"accounting=0"}).error().message == "accounting: `replicas` must be from 1 to 256, not 0");
  BOOST_TEST(replica_counts({"accounting=257"}).error().message == "accounting: `replicas` must be from 1 to 256, not 257");
  BOOST_TEST(replica_counts({"a=1", "a=2"}).error().message == "a is named twice");
  for (const char* word : {"accounting", "=3", "accounting=", "accounting=3x", "accounting=99999999999"})
    BOOST_TEST(replica_counts({word}).error().message.find("is not NODE=N") != std::string::npos, word);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
