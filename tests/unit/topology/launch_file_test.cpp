// What a launch file says: arguments, environment, defaults, includes.

#include "tests/unit/topology/launch_fixture.hpp"

namespace remuda::topology {
namespace {

using namespace std::chrono_literals;
using testing::LaunchFixture;

const std::string service = R"(
[nodes.accounting]
exec  = "customer_accounting"
ports = { rides = "rides" }
)";

BOOST_AUTO_TEST_SUITE(launch_file)

BOOST_FIXTURE_TEST_CASE(an_argument_keeps_its_type_when_it_is_the_whole_value, LaunchFixture) {
  write(R"(
[args]
workers = { type = "int", default = 3 }
tax     = { type = "float", default = 0.19 }
[queues.rides])" +
        service + R"(replicas = "${workers}"
params = { tax_rate = "${tax}", currency = "EUR ${workers} ${tax}" }
)");
  wired();
  BOOST_TEST(process("accounting", 2).node == "accounting");
  BOOST_TEST(parameter("accounting", "tax_rate") == "0.19");
  BOOST_TEST(parameter("accounting", "currency") == "\"EUR 3 0.19\"");
}

BOOST_FIXTURE_TEST_CASE(set_overrides_a_default_and_the_last_one_counts, LaunchFixture) {
  write("args = { pause = { type = \"duration\", default = \"30s\" } }\n[queues.rides]\nvisibility_timeout = \"${pause}\"\n" +
        service);
  set("pause", "1m");
  set("pause", "2m");
  wired();
  BOOST_TEST(queue("rides").visibility_timeout.count() == 120'000);
}

BOOST_FIXTURE_TEST_CASE(set_is_checked_against_the_argument, LaunchFixture) {
  write("args = { workers = 3 }\n[queues.rides]\n" + service + "replicas = \"${workers}\"\n");
  set("workers", "many");
  BOOST_TEST(found() == "T011");
  surroundings.load.set = {{"worker", "4"}};
  BOOST_TEST(found() == "T010");
  BOOST_TEST(topology.diagnostics.sorted().front().suggestion == "did you mean 'workers'?");
  BOOST_TEST(topology.diagnostics.sorted().front().file == "--set worker");
}

BOOST_FIXTURE_TEST_CASE(a_text_can_be_what_stands_in_a_file_beside_the_launch_file, LaunchFixture) {
  files["currency.txt"] = "EUR ${not} \"quoted\"";
  write("[queues.rides]\n" + service + "params = { currency = \"${file:currency.txt}\" }\n");
  wired();
  BOOST_TEST(parameter("accounting", "currency") == R"("EUR ${not} \"quoted\"")");
  write("[queues.rides]\n" + service + "params = { currency = \"${file:no.txt}\" }\n");
  BOOST_TEST(found() == "T014");
}

BOOST_FIXTURE_TEST_CASE(an_argument_without_default_must_be_given, LaunchFixture) {
  write("args = { region = { type = \"text\" } }\n[queues.rides]\n" + service + "env = { REGION = \"${region}\" }\n");
  BOOST_TEST(found() == "T010");
  set("region", "eu");
  wired();
  BOOST_TEST(process("accounting").environment.at("REGION") == "eu");
}

BOOST_FIXTURE_TEST_CASE(the_environment_fills_in_and_has_defaults, LaunchFixture) {
  write("[queues.rides]\n" + service +
        "replicas = \"${env:WORKERS:-1}\"\nparams = { batch = \"${env:BATCH}\", currency = \"${env:MONEY:-EUR}\" }\n");
  BOOST_TEST(found() == "T013");
  variables = {{"BATCH", "12"}, {"WORKERS", "2"}};
  wired();
  BOOST_TEST(process("accounting", 1).replica == 1);
  BOOST_TEST(parameter("accounting", "batch") == "12");
  BOOST_TEST(parameter("accounting", "currency") == "\"EUR\"");
}

BOOST_FIXTURE_TEST_CASE(a_doubled_dollar_is_no_reference, LaunchFixture) {
  write("[queues.rides]\n" + service + "params = { currency = \"$${EUR} $5 {x}\" }\n");
  wired();
  BOOST_TEST(parameter("accounting", "currency") == "\"${EUR} $5 {x}\"");
}

BOOST_FIXTURE_TEST_CASE(defaults_apply_where_a_table_says_nothing, LaunchFixture) {
  write(R"(
[defaults.queue]
visibility_timeout = "45s"
[defaults.node]
stop_grace = "3s"
restart = { policy = "always", delay = "1s" }
[queues.rides]
[queues.slow]
visibility_timeout = "1h"
)" + service +
        "restart = { delay = \"2s\" }\n");
  wired();
  BOOST_TEST(queue("rides").visibility_timeout.count() == 45'000);
  BOOST_TEST(queue("slow").visibility_timeout.count() == 3'600'000);
  BOOST_TEST(process("accounting").stop_grace.count() == 3'000);
  BOOST_TEST((process("accounting").restart.when == RestartPolicy::When::always));
  BOOST_TEST(process("accounting").restart.delay.count() == 2'000);
}

BOOST_FIXTURE_TEST_CASE(what_a_process_may_use_reaches_the_plan, LaunchFixture) {
  write(R"(
[defaults.node]
nofile = 64
[brokers.main]
nofile = 4096
[queues.rides]
)" + service +
        "memory_max = \"64MiB\"\nnice = -5\n");
  wired();
  BOOST_TEST((process("accounting").limits == ResourceLimits{.memory_max_bytes = 64U << 20U, .nofile = 64, .nice = -5}));
  BOOST_TEST((process("main").limits == ResourceLimits{.memory_max_bytes = {}, .nofile = 4096, .nice = {}}));
}

BOOST_FIXTURE_TEST_CASE(a_broker_with_keys_may_be_open_to_other_machines, LaunchFixture) {
  const std::string open = "[brokers.main]\nlisten = \"tcp://0.0.0.0:5550\"\n";
  write(open + "[queues.rides]\n" + service);
  BOOST_TEST(found() == "T401");
  write(open + "keys = \"/var/lib/remuda keys\"\n[queues.rides]\n" + service);
  wired();
  const auto& arguments = process("main").arguments;
  const auto at = std::find(arguments.begin(), arguments.end(), "--keys");
  BOOST_TEST_REQUIRE((at != arguments.end()));
  BOOST_TEST(*(at + 1) == "/var/lib/remuda keys");
}

BOOST_FIXTURE_TEST_CASE(what_a_process_may_use_has_bounds, LaunchFixture) {
  const auto node = [&](const std::string& text) {
    write("[queues.rides]\n" + service + text + "\n");
    return found();
  };
  BOOST_TEST(node("memory_max = \"16MiB\"\nnofile = 32\nnice = -20") == "");
  BOOST_TEST(node("memory_max = \"1024GiB\"\nnofile = 1048576\nnice = 19") == "");
  BOOST_TEST(node("memory_max = 16777215") == "T007");
  BOOST_TEST(node("memory_max = true") == "T006");
  BOOST_TEST(node("nofile = 31") == "T007");
  BOOST_TEST(node("nofile = 1048577") == "T007");
  BOOST_TEST(node("nice = -21") == "T007");
  BOOST_TEST(node("nice = 20") == "T007");
  BOOST_TEST(node("nice = \"low\"") == "T006");
}

BOOST_FIXTURE_TEST_CASE(limits_hold_on_both_sides, LaunchFixture) {
  const auto settings = [&](const std::string& text) {
    write("[queues.rides]\n" + text + "\n" + service);
    return found();
  };
  BOOST_TEST(settings("visibility_timeout = \"12h\"") == "");
  BOOST_TEST(settings("visibility_timeout = \"43200001ms\"") == "T007");
  BOOST_TEST(settings("visibility_timeout = \"0s\"") == "");
  BOOST_TEST(settings("retention = \"60s\"") == "");
  BOOST_TEST(settings("retention = \"59999ms\"") == "T007");
  BOOST_TEST(settings("retention = \"14d\"") == "");
  BOOST_TEST(settings("retention = \"1209600001ms\"") == "T007");
  BOOST_TEST(settings("delay = \"15m\"") == "");
  BOOST_TEST(settings("delay = \"900001ms\"") == "T007");
  BOOST_TEST(settings("max_receives = 1") == "");
  BOOST_TEST(settings("max_receives = 0") == "T007");
  BOOST_TEST(settings("max_receives = 1000") == "");
  BOOST_TEST(settings("max_receives = 1001") == "T007");
  BOOST_TEST(settings("max_message_size = \"1KiB\"") == "");
  BOOST_TEST(settings("max_message_size = 1023") == "T007");
  BOOST_TEST(settings("max_message_size = \"1MiB\"") == "");
  BOOST_TEST(settings("max_message_size = 1048577") == "T007");
  BOOST_TEST(settings("max_messages = 1") == "");
  BOOST_TEST(settings("max_messages = 0") == "T007");
  BOOST_TEST(settings("max_bytes = \"1KiB\"") == "");
  BOOST_TEST(settings("max_bytes = 1023") == "T007");
}

BOOST_FIXTURE_TEST_CASE(max_receives_alone_makes_a_dead_letter_queue, LaunchFixture) {
  write("[queues.rides]\nmax_receives = 3\n" + service);
  wired();
  BOOST_TEST(queue("rides").dead_letter_queue == "rides-dlq");
  BOOST_TEST(queue("rides").max_receives == 3);
  BOOST_TEST(queue("rides-dlq").dead_letter_queue == "");
  BOOST_TEST(queue("rides-dlq").broker == "main");
}

BOOST_FIXTURE_TEST_CASE(a_dead_letter_queue_may_be_named_beside_max_receives, LaunchFixture) {
  write("[queues.rides]\nmax_receives = 3\ndead_letter = \"lost\"\n[queues.lost]\n" + service);
  wired();
  BOOST_TEST(queue("rides").dead_letter_queue == "lost");
  BOOST_TEST(queue("rides").max_receives == 3);
  write("[queues.rides]\ndead_letter = \"lost\"\n[queues.lost]\n" + service);
  BOOST_TEST(found() == "T005");
}

BOOST_FIXTURE_TEST_CASE(channels_without_nodes_are_for_clients_from_elsewhere, LaunchFixture) {
  write("[queues.rides]\n[topics.news]\nbroker = \"main\"\n[brokers.main]\n");
  BOOST_TEST(found() == "");
}

BOOST_FIXTURE_TEST_CASE(a_default_dead_letter_does_not_apply_to_the_dead_letter_queue, LaunchFixture) {
  write("[defaults.queue]\ndead_letter = { queue = \"lost\", max_receives = 5 }\n[queues.rides]\n[queues.lost]\n" + service);
  wired();
  BOOST_TEST(queue("rides").dead_letter_queue == "lost");
  BOOST_TEST(queue("lost").dead_letter_queue == "");
  BOOST_TEST(queue("lost").max_receives == 0);
}

BOOST_FIXTURE_TEST_CASE(queues_without_any_broker_get_one, LaunchFixture) {
  write("[queues.rides]\n" + service);
  BOOST_TEST(wired().brokers.size() == 1U);
  BOOST_TEST(queue("rides").broker == "main");
  BOOST_TEST(process("main").exec == "remuda-broker");
}

BOOST_FIXTURE_TEST_CASE(a_queue_lives_where_its_topic_lives, LaunchFixture) {
  write("[brokers.a]\n[brokers.b]\n[topics.done]\nbroker = \"b\"\n[queues.rides]\nfrom = \"done\"\nmax_receives = 2\n" + service);
  wired();
  BOOST_TEST(queue("rides").broker == "b");
  BOOST_TEST(queue("rides-dlq").broker == "b");
}

BOOST_FIXTURE_TEST_CASE(an_include_brings_prefix_host_and_arguments, LaunchFixture) {
  files["parts/billing.toml"] = R"(schema = 1
args = { workers = 1, tax = 0.1 }
[queues.invoices]
from = "done"
[nodes.billing]
exec = "customer_accounting"
ports = { rides = "invoices" }
replicas = "${workers}"
params = { tax_rate = "${tax}" }
)";
  write(R"(
include = [{ file = "parts/billing.toml", prefix = "eu", host = "core", args = { workers = 2 } },
           { file = "parts/billing.toml", prefix = "us" }]
[hosts]
core = {}
[brokers.main]
[topics.done]
broker = "main"
)");
  set("us-tax", "0.5");
  wired();
  BOOST_TEST(queue("eu-invoices").from_topic == "done");  // not defined by the include, so not prefixed
  BOOST_TEST(process("eu-billing", 1).host == "core");
  BOOST_TEST(process("us-billing").host == "");
  BOOST_TEST(parameter("eu-billing", "tax_rate") == "0.1");
  BOOST_TEST(parameter("us-billing", "tax_rate") == "0.5");
  BOOST_TEST(port("us-billing", "rides") == "queue:ipc://@remuda/story-00000000/main/us-invoices");
}

BOOST_FIXTURE_TEST_CASE(a_finding_in_an_included_file_names_the_way_there, LaunchFixture) {
  files["a.toml"] = "schema = 1\ninclude = \"b.toml\"\n";
  files["b.toml"] = "schema = 1\n[queues.rides]\nretenton = \"1h\"\n";
  write("include = \"a.toml\"\n" + service);
  BOOST_TEST(found() == "T004");
  const Diagnostic finding = topology.diagnostics.sorted().front();
  BOOST_TEST(finding.file == "b.toml");
  BOOST_TEST(finding.line == 3);
  BOOST_REQUIRE(finding.included_from.size() == 2U);
  BOOST_TEST(finding.included_from[0].file == "a.toml");
  BOOST_TEST(finding.included_from[1].file == "main.toml");
  BOOST_TEST(finding.included_from[1].line == 3);
}

BOOST_FIXTURE_TEST_CASE(includes_that_multiply_are_stopped, LaunchFixture) {
  for (int level = 0; level < 12; ++level) {
    const std::string next = "\"" + std::to_string(level + 1) + ".toml\"";
    files[std::to_string(level) + ".toml"] = "schema = 1\ninclude = [" + next + ", " + next + "]\n";
  }
  write("include = \"0.toml\"\n");
  BOOST_TEST(found().find("T009") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(includes_that_go_ever_deeper_are_stopped, LaunchFixture) {
  surroundings.read = [&](const std::string& path) -> Result<std::string> {
    return "schema = 1\nname = \"deep\"\ninclude = \"x/" + std::to_string(path.size()) + ".toml\"\n";
  };
  BOOST_TEST(found() == "T009");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_cannot_be_read_is_one_finding, LaunchFixture) {
  BOOST_TEST(found() == "T001");
  BOOST_TEST(render(topology.diagnostics) == "main.toml: error[T001]: cannot read 'main.toml': no such file\n1 error\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace remuda::topology
