// Recipient List: who gets a message is decided in one place, and that is not the sender.

#include <boost/test/unit_test.hpp>

#include "nodes/recipient_list/recipient_list.hpp"
#include "tests/unit/nodes/fake_context.hpp"

using remuda::Message;
using remuda::Outcome;

namespace {

struct ListFixture {
  FakeContext context;
  remuda::RecipientList node;

  void start(const std::string& recipients, const std::string& scope = "attributes") {
    context.values = *remuda::Parameters::make(node.describe().parameters, {{"recipients", recipients}, {"filter_scope", scope}});
    node.start(context);
  }
  /// The ports that a message of this colour goes to.
  std::vector<std::string> ports_for(const std::string& colour) {
    Message message;
    message.id = "ball-1";
    message.source = "painter";
    message.body =
        "\x81\xa6"
        "colour\xa3"
        "red";  // msgpack: {"colour": "red"}
    message.attributes["colour"] = {"String", colour};
    FakeOutbox out;
    BOOST_TEST((node.on_message("messages", message, out).kind() == Outcome::Kind::done));
    std::vector<std::string> ports;
    for (const auto& [port, sent] : out.sent) {
      ports.push_back(port);
      BOOST_TEST(sent == message);
    }
    return ports;
  }
};

using Ports = std::vector<std::string>;

/// The other way: a publisher that knows its recipients, and what each of them wants.
class Painter : public remuda::Node {
 public:
  [[nodiscard]] remuda::NodeDescription describe() const override {
    const auto output = [](const char* name) {
      return remuda::PortDescription{.name = name, .direction = remuda::Direction::output, .message = "ball.painted"};
    };
    return {.name = "painter",
            .summary = "paints balls and tells who wants that colour",
            .ports = {output("red"), output("green"), output("all")},
            .parameters = {}};
  }
  void start(remuda::NodeContext&) override {}
  Outcome on_message(std::string_view, const Message& order, remuda::Outbox& out) override {
    const std::string colour = order.attributes.at("colour").value;
    out.send("all", order);
    if (colour == "red" || colour == "green") out.send(colour, order);
    return Outcome::done;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(recipient_list, ListFixture)

BOOST_AUTO_TEST_CASE(each_recipient_gets_its_colour_and_one_gets_all) {
  start(R"({ red = { colour = ["red"] }, green = { colour = ["green"] }, all = {} })");
  BOOST_TEST(ports_for("red") == (Ports{"all", "red"}));
  BOOST_TEST(ports_for("green") == (Ports{"all", "green"}));
  BOOST_TEST(ports_for("blue") == Ports{"all"});
  BOOST_TEST(context.counts["sent.all"] == 3);
  BOOST_TEST(context.counts["sent.red"] == 1);
}

BOOST_AUTO_TEST_CASE(a_publisher_may_choose_by_itself) {
  Painter painter;
  const auto ports_for_ball = [&](const char* colour) {
    Message order;
    order.attributes["colour"] = {"String", colour};
    FakeOutbox out;
    BOOST_TEST((painter.on_message("orders", order, out).kind() == Outcome::Kind::done));
    Ports ports;
    for (const auto& [port, sent] : out.sent) ports.push_back(port);
    return ports;
  };
  BOOST_TEST(ports_for_ball("red") == (Ports{"all", "red"}));
  BOOST_TEST(ports_for_ball("green") == (Ports{"all", "green"}));
  BOOST_TEST(ports_for_ball("blue") == Ports{"all"});
}

BOOST_AUTO_TEST_CASE(what_nobody_wants_is_done_and_counted) {
  start(R"({ red = { colour = ["red"] } })");
  BOOST_TEST(ports_for("blue") == Ports{});
  BOOST_TEST(context.counts["unwanted"] == 1);
}

BOOST_AUTO_TEST_CASE(bodies_are_looked_at_when_that_is_the_scope) {
  start(R"({ red = { colour = ["red"] } })", "body");
  BOOST_TEST(ports_for("blue") == Ports{"red"});
}

BOOST_AUTO_TEST_CASE(wrong_lists_are_refused_at_the_start) {
  BOOST_CHECK_THROW(start(R"({ red = { colour = "red" } })"), std::invalid_argument);
  BOOST_CHECK_THROW(start("{}", "headers"), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
