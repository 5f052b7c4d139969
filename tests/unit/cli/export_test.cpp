// Exports: words arrive at the program as the plan has them, whoever starts it.

#include "cli/export/export.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace remuda;
using namespace remuda::cli;

namespace {

struct ExportFixture {
  topology::Plan plan;
  ExportInput input;
  ExportFixture() {
    plan.name = "rides";
    plan.brokers.push_back({"main", "", {"ipc://@remuda/rides/main"}, ""});
    topology::ProcessPlan broker;
    broker.kind = topology::ProcessPlan::Kind::broker;
    broker.node = "main";
    broker.limits.nofile = 4096;
    topology::ProcessPlan node;
    node.node = "printer";
    node.replica = 1;
    node.start_rank = 1;
    node.arguments = {"--param", "text=$(id) ${HOME} 100% \"q\"\n"};
    node.environment = {{"PRICE", "$5"}};
    node.limits = {.memory_max_bytes = 1U << 26U, .nofile = {}, .nice = 5};
    plan.processes = {broker, node};
    input.plan = &plan;
    input.executables = {"/usr/bin/remuda-broker", "/opt/my nodes/printer"};
    input.folder = "/etc/rides";
    input.data_folder = "/var/lib/remuda/rides";
    input.user = "remuda";
    input.image = "shop:1";
  }
  static std::string text(const std::vector<ExportedFile>& files, const std::string& name) {
    const auto found = std::find_if(files.begin(), files.end(), [&](const ExportedFile& file) { return file.name == name; });
    BOOST_TEST_REQUIRE((found != files.end()), name);
    return found->text;
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exports, ExportFixture)

BOOST_AUTO_TEST_CASE(a_word_for_systemd_is_quoted_and_nothing_in_it_is_expanded) {
  BOOST_TEST(systemd_word("plain", true) == "\"plain\"");
  BOOST_TEST(systemd_word("", true) == "\"\"");
  BOOST_TEST(systemd_word("a \"b\" \\c", true) == R"("a \"b\" \\c")");
  BOOST_TEST(systemd_word("100% $HOME", true) == "\"100%% $$HOME\"");
  BOOST_TEST(systemd_word("100% $HOME", false) == "\"100%% $HOME\"");
  BOOST_TEST(systemd_word("one\ntwo\x7F", true) == R"("one\x0atwo\x7f")");
}

BOOST_AUTO_TEST_CASE(a_unit_has_the_words_the_limits_the_order_and_the_user) {
  const auto files = export_systemd(input);
  const std::string node = text(files, "remuda-rides-printer-1.service");
  BOOST_TEST(has(node, R"(ExecStart="/opt/my nodes/printer" \)"));
  BOOST_TEST(has(node, R"("text=$$(id) $${HOME} 100%% \"q\"\x0a")"));
  for (const char* line : {"After=remuda-rides-main.service\n", "Environment=\"PRICE=$5\"\n", "User=remuda\n",
                           "Restart=on-failure\n", "RestartSec=0.1\n", "StartLimitBurst=11\n", "StartLimitIntervalSec=600\n",
                           "TimeoutStopSec=10\n", "LimitDATA=67108864\n", "Nice=5\n"})
    BOOST_TEST(has(node, line), line);
  const std::string broker = text(files, "remuda-rides-main.service");
  BOOST_TEST(has(broker, "LimitNOFILE=4096\n"));
  BOOST_TEST(has(broker, "\"/etc/rides/main.definitions.toml\""));
  BOOST_TEST(!has(broker, "After="));
  BOOST_TEST(has(text(files, "remuda-rides.target"), "Wants=remuda-rides-main.service remuda-rides-printer-1.service\n"));
}

BOOST_AUTO_TEST_CASE(containers_share_a_network_and_wait_for_a_queue_node_that_answers) {
  const std::string compose = text(export_compose(input), "compose.yaml");
  BOOST_TEST(has(compose, R"("text=$$(id) $${HOME} 100% \"q\"\n")"));
  BOOST_TEST(has(compose, "\"network_mode\": \"service:main\""));
  BOOST_TEST(has(compose, "\"condition\": \"service_healthy\""));
  BOOST_TEST(has(compose, "\"mem_limit\": 67108864"));
  BOOST_TEST(has(compose, "\"nofile\": 4096"));
  const auto pod = export_kubernetes(input);
  BOOST_REQUIRE(pod);
  const std::string set = text(*pod, "statefulset.yaml");
  BOOST_TEST(has(set, "\"readinessProbe\":"));
  BOOST_TEST(has(set, "\"livenessProbe\":"));
  BOOST_TEST(has(set, "\"volumeClaimTemplates\":"));
  BOOST_TEST(has(set, "\"memory\": \"67108864\""));
}

BOOST_AUTO_TEST_CASE(keys_are_mounted_where_they_stay_safe_and_refused_where_they_do_not) {
  plan.processes[0].arguments = {"--keys", "/srv/keys"};
  BOOST_TEST(has(text(export_compose(input), "compose.yaml"), "\"source\": \"/srv/keys\""));
  const auto pod = export_kubernetes(input);
  BOOST_REQUIRE(!pod);
  BOOST_TEST(has(pod.error().message, "'main' has keys"));
}

BOOST_AUTO_TEST_CASE(a_name_that_a_cluster_does_not_take_is_told) {
  plan.processes[1].node = "Printer_A";
  const auto pod = export_kubernetes(input);
  BOOST_REQUIRE(!pod);
  BOOST_TEST(has(pod.error().message, "'Printer_A-1' cannot be a name in a cluster"));
}

BOOST_AUTO_TEST_SUITE_END()
