// Typed parameters, port bindings, the command line and --describe: what people type, and what they are told when it is wrong.

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "common/parameters.hpp"
#include "common/runtime/describe.hpp"
#include "common/runtime/node_options.hpp"
#include "common/runtime/port_binding.hpp"
#include "common/runtime/wiring.hpp"
#include "common/suggestion.hpp"

using namespace remuda;
using namespace std::chrono_literals;

namespace {

const std::vector<ParameterDescription> known{
    {"city", ParameterType::text, "\"berlin\"", "where"},
    {"rides", ParameterType::integer, "2000", "how many"},
    {"share", ParameterType::number, "0.5", "of what"},
    {"eager", ParameterType::boolean, "false", "or lazy"},
    {"pause", ParameterType::duration, "\"10s\"", "between two"},
    {"batch", ParameterType::size, "\"64KiB\"", "at most"},
    {"days", ParameterType::list, "[1, 2]", "of the week"},
    {"fail", ParameterType::table, "{ probability = 0.0 }", "on purpose"},
};

using Given = std::vector<std::pair<std::string, std::string>>;

std::string refusal(const Given& given) {
  const auto parameters = Parameters::make(known, given);
  BOOST_REQUIRE(!parameters.ok());
  BOOST_TEST(parameters.error().code == "invalid_parameter");
  return parameters.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(parameters)

BOOST_AUTO_TEST_CASE(what_is_not_given_has_its_default) {
  const auto parameters = Parameters::make(known, {});
  BOOST_REQUIRE(parameters.ok());
  BOOST_TEST(parameters->text("city") == "berlin");
  BOOST_TEST(parameters->integer("rides") == 2000);
  BOOST_TEST(parameters->number("share") == 0.5);
  BOOST_TEST(!parameters->boolean("eager"));
  BOOST_TEST(parameters->duration("pause").count() == 10'000);
  BOOST_TEST(parameters->size("batch") == 65'536U);
  BOOST_TEST(parameters->json("days") == nlohmann::json::parse("[1, 2]"));
  BOOST_TEST(parameters->json("fail") == nlohmann::json::parse(R"({"probability": 0.0})"));
}

BOOST_AUTO_TEST_CASE(every_type_is_read_from_toml) {
  const Given given{
      {"city", "\"new york\""}, {"rides", "1_000"}, {"share", "1"},       {"eager", "true"},
      {"pause", "\"250ms\""},   {"batch", "4096"},  {"days", "[\"mo\"]"}, {"fail", "{ probability = 0.25, match = \"x\" }"}};
  const auto parameters = Parameters::make(known, given);
  BOOST_REQUIRE(parameters.ok());
  BOOST_TEST(parameters->text("city") == "new york");
  BOOST_TEST(parameters->integer("rides") == 1000);
  BOOST_TEST(parameters->number("share") == 1.0);
  BOOST_TEST(parameters->boolean("eager"));
  BOOST_TEST(parameters->duration("pause").count() == 250);
  BOOST_TEST(parameters->size("batch") == 4096U);
  BOOST_TEST(parameters->json("days")[0] == "mo");
  BOOST_TEST(parameters->json("fail")["probability"] == 0.25);
}

BOOST_AUTO_TEST_CASE(a_bare_word_is_text) {
  const auto parameters = Parameters::make(known, {{"city", "hamburg"}, {"pause", "5m"}, {"batch", "1MiB"}});
  BOOST_REQUIRE(parameters.ok());
  BOOST_TEST(parameters->text("city") == "hamburg");
  BOOST_TEST(parameters->duration("pause").count() == 300'000);
  BOOST_TEST(parameters->size("batch") == 1'048'576U);
}

BOOST_AUTO_TEST_CASE(the_last_of_several_values_counts) {
  const auto parameters = Parameters::make(known, {{"rides", "1"}, {"rides", "2"}});
  BOOST_REQUIRE(parameters.ok());
  BOOST_TEST(parameters->integer("rides") == 2);
}

BOOST_AUTO_TEST_CASE(a_wrong_type_is_refused_with_what_is_expected) {
  BOOST_TEST(refusal({{"city", "5"}}) == "The parameter `city` must be text, e.g. \"berlin\"; it is `5`.");
  BOOST_TEST(refusal({{"rides", "2.5"}}) == "The parameter `rides` must be a whole number, e.g. 5; it is `2.5`.");
  BOOST_TEST(refusal({{"share", "inf"}}) == "The parameter `share` must be a number, e.g. 0.5; it is `inf`.");
  BOOST_TEST(refusal({{"eager", "yes"}}) == "The parameter `eager` must be true or false; it is `yes`.");
  BOOST_TEST(refusal({{"pause", "10"}}) ==
             "The parameter `pause` must be a duration, e.g. \"250ms\", \"10s\" or \"5m\"; it is `10`.");
  BOOST_TEST(refusal({{"batch", "-1"}}) == "The parameter `batch` must be a size, e.g. \"64KiB\" or \"1MiB\"; it is `-1`.");
  BOOST_TEST(refusal({{"days", "{}"}}) == "The parameter `days` must be a list, e.g. [1, 2]; it is `{}`.");
  BOOST_TEST(refusal({{"fail", "[]"}}) == "The parameter `fail` must be a table, e.g. { key = 1 }; it is `[]`.");
}

BOOST_AUTO_TEST_CASE(a_value_cannot_smuggle_in_a_second_one) {
  BOOST_TEST(refusal({{"rides", "5\neager = true"}}) ==
             "The parameter `rides` must be a whole number, e.g. 5; it is `5\neager = true`.");
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_refused_with_the_closest_known_one) {
  BOOST_TEST(refusal({{"ridse", "5"}}) == "There is no parameter `ridse`; did you mean `rides`?");
  BOOST_TEST(refusal({{"temperature", "5"}}) ==
             "There is no parameter `temperature`; known are city, rides, share, eager, pause, batch, days, fail.");
}

BOOST_AUTO_TEST_CASE(a_required_parameter_must_be_given) {
  const std::vector<ParameterDescription> required{{"target", ParameterType::text, "", "where to"}};
  const auto parameters = Parameters::make(required, {});
  BOOST_REQUIRE(!parameters.ok());
  BOOST_TEST(parameters.error().message ==
             "The parameter `target` is required: give it with --param target=VALUE, VALUE being text, e.g. \"berlin\".");
}

BOOST_AUTO_TEST_CASE(only_a_near_name_is_suggested) {
  BOOST_TEST(edit_distance("queue", "queue") == 0U);
  BOOST_TEST(edit_distance("queue", "qeueu") == 2U);
  BOOST_TEST(edit_distance("ab", "ba") == 1U);
  const std::vector<std::string_view> names{"rides", "fares"};
  BOOST_TEST(closest_name("riids", names) == "");
  BOOST_TEST(closest_name("ride", names) == "rides");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(port_binding)

BOOST_AUTO_TEST_CASE(a_queue_on_a_tcp_endpoint) {
  const auto binding = parse_port_binding("rides=queue:tcp://127.0.0.1:5550/customer-accounting");
  BOOST_REQUIRE(binding.ok());
  BOOST_TEST(*binding == (PortBinding{"rides", BindingKind::queue, {"tcp://127.0.0.1:5550"}, "customer-accounting", {}}));
}

BOOST_AUTO_TEST_CASE(several_endpoints_abstract_names_and_options) {
  const auto binding =
      parse_port_binding("submit=request:ipc://@remuda/x/submit.0,ipc://@remuda/x/submit.1/submit-ride?timeout_ms=2000");
  BOOST_REQUIRE(binding.ok());
  BOOST_TEST(*binding == (PortBinding{"submit",
                                      BindingKind::request,
                                      {"ipc://@remuda/x/submit.0", "ipc://@remuda/x/submit.1"},
                                      "submit-ride",
                                      {{"timeout_ms", 2000}}}));
}

BOOST_AUTO_TEST_CASE(each_mistake_is_named) {
  const auto text_of = [](std::string_view text) {
    const auto binding = parse_port_binding(text);
    BOOST_REQUIRE(!binding.ok());
    BOOST_TEST(binding.error().code == "invalid_port");
    return binding.error().message;
  };
  BOOST_TEST(text_of("queue:tcp://h:1/x").find("the name of the port is missing") != std::string::npos);
  BOOST_TEST(text_of("rides=queue").find("the kind of the channel is missing") != std::string::npos);
  BOOST_TEST(text_of("rides=qeue:tcp://h:1/x").find("did you mean `queue`?") != std::string::npos);
  BOOST_TEST(text_of("rides=queue:tcp://h:1").find("the name of the channel is missing") != std::string::npos);
  BOOST_TEST(text_of("rides=queue:tcp://h:1/").find("the name of the channel is missing") != std::string::npos);
  BOOST_TEST(text_of("rides=queue:h:1/x").find("is no endpoint") != std::string::npos);
  BOOST_TEST(text_of("rides=pubsub:ipc://@a/x?subscriber=1").find("behind `?`") != std::string::npos);
  BOOST_TEST(text_of("rides=pubsub:ipc://@a/x?subscribers=one").find("behind `?`") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

NodeDescription accounting() {
  NodeDescription description;
  description.name = "customer_accounting";
  description.summary = "Keeps an account for each customer.";
  description.ports = {{"rides", Direction::input, "ride.completed", true, false, false},
                       {"invoices", Direction::output, "invoice.issued", false, false, true},
                       {"query", Direction::input, "account.get", false, true, true}};
  description.parameters = {{"tax", ParameterType::number, "0.19", "the share that is tax"},
                            {"ledger", ParameterType::text, "", "which ledger to keep"}};
  return description;
}

Result<NodeOptions> options(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "customer_accounting");
  return parse_node_options(accounting(), static_cast<int>(arguments.size()), arguments.data());
}

std::string binding_refusal(const std::vector<std::string>& ports) {
  std::vector<PortBinding> bindings;
  for (const auto& port : ports) bindings.push_back(parse_port_binding(port).value());
  const auto checked = check_bindings(accounting(), bindings);
  return checked ? "" : checked.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_options)

BOOST_AUTO_TEST_CASE(a_node_started_alone_needs_only_its_ports) {
  const auto parsed = options({"--port", "rides=queue:tcp://127.0.0.1:5550/customer-accounting", "--param", "ledger=main"});
  BOOST_REQUIRE(parsed.ok());
  BOOST_TEST(parsed->name == "customer_accounting");
  BOOST_TEST(parsed->replica == 0);
  BOOST_TEST(parsed->data_folder == ".remuda/nodes/customer_accounting");
  BOOST_REQUIRE(parsed->ports.size() == 1U);
  BOOST_TEST((parsed->parameters == std::vector<std::pair<std::string, std::string>>{{"ledger", "main"}}));
  BOOST_TEST(parsed->prefetch == 64U);
}

BOOST_AUTO_TEST_CASE(a_supervisor_says_the_rest) {
  const auto parsed = options({"--name", "accounting", "--replica", "2", "--data", "/data", "--control", "ipc://@control",
                               "--log-format", "json", "--log-level", "debug", "--stop-grace", "2s", "--prefetch", "8"});
  BOOST_REQUIRE(parsed.ok());
  BOOST_TEST(parsed->name == "accounting");
  BOOST_TEST(parsed->replica == 2);
  BOOST_TEST(parsed->data_folder == "/data");
  BOOST_TEST(parsed->control_endpoint == "ipc://@control");
  BOOST_TEST((parsed->log_format == LogFormat::json));
  BOOST_TEST((parsed->log_level == LogLevel::debug));
  BOOST_TEST(parsed->stop_grace.count() == 2'000);
  BOOST_TEST(parsed->prefetch == 8U);
}

BOOST_AUTO_TEST_CASE(wrong_usage_says_what_and_where_to_look) {
  for (const auto& wrong : std::vector<std::vector<const char*>>{{"--frobnicate"},
                                                                 {"--port", "rides"},
                                                                 {"--param", "tax"},
                                                                 {"--replica", "-1"},
                                                                 {"--prefetch", "0"},
                                                                 {"--log-level", "loud"},
                                                                 {"--stop-grace", "soon"},
                                                                 {"--name", "a/b"}}) {
    const auto parsed = options(wrong);
    BOOST_REQUIRE_MESSAGE(!parsed.ok(), wrong.front());
    BOOST_TEST(parsed.error().code == "usage");
    BOOST_TEST(parsed.error().message.find("`customer_accounting --help` shows what it takes.") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(help_fits_80_columns_and_names_everything) {
  const auto parsed = options({"--help"});
  BOOST_REQUIRE(parsed.ok());
  const auto& help = parsed->answer;
  for (const auto* word :
       {"rides", "invoices", "query", "answers requests", "tax (number)", "[0.19]", "; required", "--port", "--describe"}) {
    BOOST_TEST(help.find(word) != std::string::npos, word << " is missing in\n" << help);
  }
  std::istringstream lines{help};
  for (std::string line; std::getline(lines, line);) BOOST_TEST(line.size() <= 80U, line);
}

BOOST_AUTO_TEST_CASE(describe_is_json_that_check_reads) {
  const auto parsed = options({"--describe"});
  BOOST_REQUIRE(parsed.ok());
  const std::string expected = R"({
  "name": "customer_accounting",
  "version": ")" + std::string{remuda_version()} +
                               R"(",
  "summary": "Keeps an account for each customer.",
  "ports": [
    {
      "name": "rides",
      "direction": "input",
      "message": "ride.completed",
      "wants_acknowledgement": true,
      "request": false,
      "optional": false
    },
    {
      "name": "invoices",
      "direction": "output",
      "message": "invoice.issued",
      "wants_acknowledgement": false,
      "request": false,
      "optional": true
    },
    {
      "name": "query",
      "direction": "input",
      "message": "account.get",
      "wants_acknowledgement": false,
      "request": true,
      "optional": true
    }
  ],
  "parameters": [
    {
      "name": "tax",
      "type": "number",
      "default": "0.19",
      "help": "the share that is tax"
    },
    {
      "name": "ledger",
      "type": "text",
      "default": null,
      "help": "which ledger to keep"
    }
  ],
  "open_request_ports": false,
  "open_outputs": false
}
)";
  BOOST_TEST(parsed->answer == expected);
}

BOOST_AUTO_TEST_CASE(bindings_are_held_against_the_declared_ports) {
  const std::string rides = "rides=queue:ipc://@b/customer-accounting";
  BOOST_TEST(binding_refusal({rides}) == "");
  BOOST_TEST(binding_refusal({rides, "query=request:ipc://@q/accounting"}) == "");
  BOOST_TEST(binding_refusal({}) == "Port `rides` is not wired: add --port rides=queue:tcp://127.0.0.1:5550/CHANNEL.");
  BOOST_TEST(binding_refusal({rides, "invoice=queue:ipc://@b/invoices"}) ==
             "customer_accounting has no port `invoice`; did you mean `invoices`?");
  BOOST_TEST(binding_refusal({rides, "elephants=queue:ipc://@b/x"}) ==
             "customer_accounting has no port `elephants`; `customer_accounting --help` lists its ports.");
  BOOST_TEST(binding_refusal({rides, "query=queue:ipc://@b/x"}) ==
             "Port `query` asks or answers: it needs a request channel; `query=queue:ipc://@b/x` does not fit.");
  BOOST_TEST(binding_refusal({"rides=request:ipc://@b/x"}) == "");  // then whoever sends waits until the ride is handled
  BOOST_TEST(binding_refusal({R"(rides=pubsub:ipc://@b/x?filter={"fare":[{"numeric":[">=",50]}]})"}) == "");
  BOOST_TEST(binding_refusal({rides + R"(?filter={"fare":[50]})"}) ==
             "Port `rides` does not read a topic live: it has nothing to filter.");
  BOOST_TEST(
      binding_refusal({R"(rides=pubsub:ipc://@b/x?filter={"fare":50})"}).starts_with("The filter of port `rides` is refused: "));
}

BOOST_AUTO_TEST_SUITE_END()
