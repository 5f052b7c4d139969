// The participants of fare collection: each operation once, undo before do, and no card anywhere.

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>

#include "common/http/http_messages.hpp"
#include "nodes/card_payment/card_payment.hpp"
#include "nodes/customer_account/customer_account.hpp"
#include "nodes/fare_register/fare_register.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using remuda::Message;
using remuda::Outcome;
using remuda::rides::Json;

namespace {

/// One participant, asked over queues.
template <class Node>
struct Asked {
  TemporaryFolder folder;
  FakeContext context;
  std::unique_ptr<Node> node;
  std::vector<std::pair<std::string, std::string>> values;
  FakeOutbox out;
  int messages = 0;

  Asked() { restart(); }
  void restart() {
    node.reset();
    context.timers.clear();
    context.folder = folder.path;
    node = std::make_unique<Node>();
    context.values = *remuda::Parameters::make(node->describe().parameters, values);
    node->start(context);
  }
  Outcome receive_for(const std::string& port, Message message, std::uint32_t receive_count = 1) {
    out.sent.clear();
    out.replies.clear();
    out.the_delivery.receive_count = receive_count;
    if (message.id.empty()) message.id = "message-" + std::to_string(++messages);
    auto outcome = node->on_message(port, message, out);
    node->commit();
    return outcome;
  }
  Outcome::Kind receive(const std::string& port, Message message, std::uint32_t receive_count = 1) {
    return receive_for(port, std::move(message), receive_count).kind();
  }
  static Message message(const std::string& type, const Json& body, const std::string& correlation) {
    Message made;
    made.type = type;
    made.correlation_id = correlation;
    made.datacontenttype = "application/json";
    made.body = body.dump();
    return made;
  }
  /// The answer, or the name of its error.
  Json ask(const std::string& operation, const Json& input, const std::string& key = "") {
    Message request = message(operation, input, "saga/1#1");
    request.attributes["idempotency-key"] = {"String", key.empty() ? operation + "-" + std::to_string(++messages) : key};
    BOOST_TEST((receive("requests", request) == Outcome::Kind::done));
    BOOST_REQUIRE_EQUAL(out.sent.size(), 1U);
    BOOST_TEST(out.sent[0].first == "replies");
    const Message& reply = out.sent[0].second;
    BOOST_TEST(reply.correlation_id == "saga/1#1");
    const Json body = Json::parse(reply.body);
    return reply.type == "task.failed" ? body["Error"] : body;
  }
};

Json fare(const std::string& customer = "cmr", const std::string& id = "wr_1") {
  return {{"customerId", customer}, {"fareId", id}, {"fareAmount", "$20.00"}, {"cardToken", "card_x"}};
}
Json with(Json json, const Json& more) {
  json.update(more);
  return json;
}

using Payments = Asked<remuda::rides::CardPayment>;
using Accounts = Asked<remuda::rides::CustomerAccount>;

struct Register : Asked<remuda::rides::FareRegister> {
  Json submission{{"customerId", "cmr"},         {"fareId", "wr_563"},    {"fareAmount", "$20.00"},
                  {"cc", "4111 1111 1111 1111"}, {"expiryDate", "11/29"}, {"cvv", "9876"}};
  int status = 0;

  Json http(const std::string& method, const Json& body, const std::string& id = "") {
    Message request = message(std::string{remuda::http::request_type}, body, "");
    request.attributes["http-method"] = {"String", method};
    request.attributes["http-path"] = {"String", "/fares"};
    request.attributes["http-route"] = {"String", method == "GET" ? "/fares/{fareId}" : "/submit-fare"};
    if (!id.empty()) request.attributes["path.fareId"] = {"String", id};
    receive("submit", request);
    const auto response = remuda::http::response_of(out.replies.at(0));
    status = response.status;
    return Json::parse(response.body);
  }
  Json submit() { return http("POST", submission); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(card_payments, Payments)

BOOST_AUTO_TEST_CASE(a_fare_is_authorised_with_a_code_and_charged_with_it) {
  const Json authorised = ask("pre_authorise", fare());
  const auto token = authorised["chargeToken"].get<std::string>();
  BOOST_TEST(token.starts_with("tok_"));
  BOOST_TEST(token.size() == 29U);
  BOOST_TEST(ask("charge", with(fare(), {{"chargeToken", "tok_other"}})) == "PaymentChargeException");
  const Json charged = ask("charge", with(fare(), authorised));
  BOOST_TEST(charged["chargeId"].get<std::string>().starts_with("ch_"));
  BOOST_TEST(!charged.contains("cardToken"));
  BOOST_TEST(ask("charge", with(fare(), authorised)) == charged);
}

BOOST_AUTO_TEST_CASE(the_same_key_gives_the_same_answer_and_does_nothing) {
  const Json authorised = ask("pre_authorise", fare(), "k1");
  restart();
  BOOST_TEST(ask("pre_authorise", fare("cmr", "wr_2"), "k1") == authorised);
  BOOST_TEST(context.counts["repeated"] == 1);
}

BOOST_AUTO_TEST_CASE(an_undo_of_what_was_never_done_succeeds_and_refuses_it_from_then_on) {
  BOOST_TEST(ask("release", {{"fareId", "wr_1"}})["released"] == true);
  BOOST_TEST(ask("pre_authorise", fare()) == "PaymentCancelled");

  const Json authorised = ask("pre_authorise", fare("cmr", "wr_2"));
  BOOST_TEST(ask("refund", {{"fareId", "wr_2"}})["refundId"] == nullptr);
  BOOST_TEST(ask("charge", with(fare("cmr", "wr_2"), authorised)) == "PaymentCancelled");
  BOOST_TEST(ask("release", {{"fareId", "wr_2"}})["released"] == true);
}

BOOST_AUTO_TEST_CASE(a_charge_is_refunded_once_and_not_released) {
  const Json charged = ask("charge", with(fare(), ask("pre_authorise", fare())));
  BOOST_TEST(ask("release", {{"fareId", "wr_1"}}) == "PaymentCharged");
  const Json refunded = ask("refund", {{"fareId", "wr_1"}, {"chargeId", charged["chargeId"]}});
  BOOST_TEST(refunded["refundId"].get<std::string>().starts_with("re_"));
  BOOST_TEST(ask("refund", {{"fareId", "wr_1"}}) == refunded);
  BOOST_TEST(ask("release", {{"fareId", "wr_1"}})["released"] == true);
}

BOOST_AUTO_TEST_CASE(customers_fail_where_their_ids_say) {
  BOOST_TEST(ask("pre_authorise", fare("x_fail_auth")) == "PaymentAuthException");
  const Json doomed = fare("x_fail_charge", "wr_2");
  BOOST_TEST(ask("charge", with(doomed, ask("pre_authorise", doomed))) == "PaymentChargeException");
  const Json both = fare("x_fail_credit_fail_refund", "wr_3");
  ask("charge", with(both, ask("pre_authorise", both)));
  BOOST_TEST(ask("refund", {{"fareId", "wr_3"}}) == "RefundException");
  BOOST_TEST(ask("charge_fare", fare("x_fail_auth", "wr_4")) == "PaymentAuthException");
  BOOST_TEST(ask("charge_fare", fare("x_fail_charge", "wr_5")) == "PaymentChargeException");
  BOOST_TEST(ask("pre_authorise", fare("x_fail_charge", "wr_5")).contains("chargeToken"));
  BOOST_TEST(ask("pre_authorise", {{"fareId", "wr_6"}}) == "ValueError");
  BOOST_TEST(ask("dance", {{"fareId", "wr_6"}}) == "UnknownOperation");
}

BOOST_AUTO_TEST_CASE(a_fault_does_nothing_and_a_lost_answer_has_done_everything) {
  values = {{"fail", "{ probability = 1.0, seed = 1, match = \"\" }"}};
  restart();
  BOOST_TEST(ask("pre_authorise", fare(), "k1") == "ServiceUnavailable");
  values = {{"lost_answers", "1.0"}};
  restart();
  BOOST_TEST(ask("pre_authorise", fare(), "k1") == "ServiceUnavailable");
  BOOST_TEST(ask("pre_authorise", fare(), "k1").contains("chargeToken"));
}

BOOST_AUTO_TEST_CASE(over_a_request_channel_it_answers_there) {
  Message request = message("pre_authorise", fare(), "");
  receive("ask", request);
  BOOST_TEST(Json::parse(out.replies.at(0).body).contains("chargeToken"));
}

BOOST_AUTO_TEST_CASE(an_event_leads_to_the_next_and_carries_on_what_was_known) {
  values = {{"on", R"({ "register.done" = "pre_authorise", "credit.failed" = "refund" })"}, {"insist", R"(["refund"])"}};
  restart();
  receive("events", message("register.done", fare(), "wr_1"));
  BOOST_REQUIRE_EQUAL(out.sent.size(), 1U);
  const Message done = out.sent[0].second;
  BOOST_TEST(out.sent[0].first == "happened");
  BOOST_TEST(done.type == "pre_authorise.done");
  BOOST_TEST(done.attributes.at("event").value == "pre_authorise.done");
  BOOST_TEST(Json::parse(done.body)["fareAmount"] == "$20.00");
  receive("events", message("register.done", fare(), "wr_1"), 2);
  BOOST_TEST((out.sent[0].second == done));
  receive("events", message("register.done", fare("x_fail_auth", "wr_2"), "wr_2"));
  BOOST_TEST(out.sent[0].second.type == "pre_authorise.failed");
  BOOST_TEST(Json::parse(out.sent[0].second.body)["error"]["Error"] == "PaymentAuthException");
  BOOST_TEST((receive("events", message("unknown", fare(), "wr_1")) == Outcome::Kind::done));
  BOOST_TEST(out.sent.empty());

  const Json stubborn = fare("x_fail_refund", "wr_3");
  ask("charge", with(stubborn, ask("pre_authorise", stubborn)));
  const auto outcome = receive_for("events", message("credit.failed", stubborn, "wr_3"));
  BOOST_TEST((outcome.kind() == Outcome::Kind::retry_later));
  BOOST_TEST(outcome.reason().starts_with("RefundException"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(customer_accounts, Accounts)

BOOST_AUTO_TEST_CASE(a_fare_is_credited_once_and_a_credit_after_its_undo_is_refused) {
  const Json credit = with(fare(), {{"chargeId", "ch_1"}});
  BOOST_TEST(ask("credit", credit) == credit);
  BOOST_TEST(ask("credit", credit) == credit);
  BOOST_TEST(ask("debit", {{"fareId", "wr_1"}})["fareId"] == "wr_1");
  BOOST_TEST(ask("credit", credit) == "CreditCancelled");
  BOOST_TEST(ask("credit", with(fare("x_fail_credit", "wr_2"), {{"chargeId", "ch_2"}})) == "AccountCreditException");
  BOOST_TEST(ask("credit", fare("cmr", "wr_3")) == "ValueError");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(fare_registers, Register)

BOOST_AUTO_TEST_CASE(a_submitted_fare_goes_on_without_its_card) {
  const Json answer = submit();
  BOOST_TEST(status == 202);
  BOOST_TEST(answer["links"]["refresh"] == "/fares/wr_563");
  BOOST_REQUIRE_EQUAL(out.sent.size(), 1U);
  const Message first = out.sent[0].second;
  BOOST_TEST(first.correlation_id == "wr_563");
  const Json body = Json::parse(first.body);
  BOOST_TEST(body.size() == 4U);
  BOOST_TEST(body["cardToken"].get<std::string>().starts_with("card_"));
  submit();
  BOOST_TEST((out.sent[0].second == first));
  BOOST_TEST(http("GET", nullptr, "wr_563")["status"] == "running");
  node.reset();
  for (const auto& entry : std::filesystem::directory_iterator{folder.path}) {
    std::ostringstream bytes;
    bytes << std::ifstream{entry.path(), std::ios::binary}.rdbuf();
    for (const char* secret : {"4111", "1111 1111", "11/29", "9876"})
      BOOST_TEST(bytes.str().find(secret) == std::string::npos, entry.path());
  }
}

BOOST_AUTO_TEST_CASE(wrong_fields_are_named_and_never_repeated) {
  submission = {{"customerId", " "}, {"fareId", "a/b"},       {"fareAmount", "-5"},
                {"cc", "4111x"},     {"expiryDate", "13/29"}, {"cvv", "98765"}};
  const Json problem = submit();
  BOOST_TEST(status == 400);
  BOOST_TEST(problem["errors"].size() == 6U);
  for (const char* secret : {"4111x", "13/29", "98765"}) BOOST_TEST(problem.dump().find(secret) == std::string::npos);
  http("POST", Json::array());
  BOOST_TEST(status == 400);
  submit();
  BOOST_TEST(out.sent.empty());
}

BOOST_AUTO_TEST_CASE(the_same_fare_with_another_amount_is_refused) {
  submit();
  submission["fareAmount"] = "$21.00";
  submit();
  BOOST_TEST(status == 422);
  http("GET", nullptr, "nobody");
  BOOST_TEST(status == 404);
}

BOOST_AUTO_TEST_CASE(a_fare_is_marked_and_a_completed_one_stays_completed) {
  submit();
  BOOST_TEST(ask("register", fare("cmr", "wr_563"))["fareId"] == "wr_563");
  BOOST_TEST(ask("complete_fare", {{"fareId", "wr_563"}})["fareStatus"] == "completed");
  BOOST_TEST(ask("fail_fare", {{"fareId", "wr_563"}}) == "FareCompleted");
  BOOST_TEST(http("GET", nullptr, "wr_563")["status"] == "completed");
  BOOST_TEST(ask("register", fare("x_fail_register", "wr_2")) == "RegistrationException");
}

BOOST_AUTO_TEST_CASE(a_saga_that_ended_without_telling_has_failed) {
  submit();
  receive("outcomes", message("saga.ended", {{"id", "wr_563"}, {"status", "failed"}}, "wr_563"));
  BOOST_TEST(http("GET", nullptr, "wr_563")["status"] == "failed");
}

BOOST_AUTO_TEST_SUITE_END()
