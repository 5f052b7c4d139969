// The services that hear of rides: each ride counts once, and the sums are exact.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "common/http/http_messages.hpp"
#include "nodes/customer_accounting/customer_accounting.hpp"
#include "nodes/customer_loyalty/customer_loyalty.hpp"
#include "nodes/customer_notification/customer_notification.hpp"
#include "nodes/extraordinary_rides/extraordinary_rides.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda::rides;
namespace http = remuda::http;

namespace {

template <class Service>
struct ServiceFixture {
  TemporaryFolder folder;
  FakeContext context;
  Service node;
  std::uint32_t receive_count = 1;

  ServiceFixture() { context.folder = folder.path; }
  void start(const std::vector<std::pair<std::string, std::string>>& parameters = {}) {
    context.values = *remuda::Parameters::make(node.describe().parameters, parameters);
    node.start(context);
  }
  remuda::Outcome receive(const std::string& id, const std::string& customer, const std::string& fare) {
    Ride ride{
        id, customer, "Berlin", "Frankfurt", *Decimal::parse("19.999"), *Decimal::parse("420"), *Money::from(*Decimal::parse(fare)),
        1};
    FakeOutbox out;
    out.the_delivery.receive_count = receive_count;
    return node.on_message("rides", ride_completed(ride, "test"), out);
  }
  std::string ask(const std::map<std::string, std::string>& path, const std::string& query = {}) {
    remuda::Message question;
    question.type = http::request_type;
    question.attributes["http-method"] = {"String", "GET"};
    if (!query.empty()) question.attributes["http-query"] = {"String", query};
    for (const auto& [name, part] : path) question.attributes["path." + name] = {"String", part};
    FakeOutbox out;
    BOOST_REQUIRE((node.on_message("query", question, out).kind() == remuda::Outcome::Kind::done));
    return out.replies.at(0).body;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(accounting, ServiceFixture<CustomerAccounting>)

BOOST_AUTO_TEST_CASE(a_balance_is_the_exact_sum_of_fares) {
  start();
  for (int i = 0; i < 10; ++i) (void)receive("ride-" + std::to_string(i), "cmr", "0.10");
  (void)receive("ride-a", "cmr", "256.50");
  node.commit();
  BOOST_TEST(ask({{"customer", "cmr"}}) == R"({"customer":"cmr","balance":257.50,"rides":11})");
  BOOST_TEST(ask({{"customer", "nobody"}}) == R"({"customer":"nobody","balance":0.00,"rides":0})");
}

BOOST_AUTO_TEST_CASE(a_redelivered_ride_is_charged_once) {
  start();
  (void)receive("ride-1", "cmr", "10");
  node.commit();
  receive_count = 2;
  BOOST_TEST((receive("ride-1", "cmr", "10").kind() == remuda::Outcome::Kind::done));
  node.commit();
  BOOST_TEST(
      ask({}, "totals") ==
      R"({"balance":10.00,"rides":1,"received":2,"processed":1,"redelivered":1,"repeated":1,"failed":0,"rejected":0,"dropped":0})");
  BOOST_TEST(context.counts.at("redelivered") == 1);
}

BOOST_AUTO_TEST_CASE(a_message_that_is_no_ride_is_rejected_with_the_reason) {
  start();
  FakeOutbox out;
  remuda::Message message;
  message.id = "1";
  message.body = "\x80";
  const auto outcome = node.on_message("rides", message, out);
  BOOST_TEST((outcome.kind() == remuda::Outcome::Kind::reject));
  BOOST_TEST(outcome.reason().starts_with("id is missing"));
}

BOOST_AUTO_TEST_CASE(an_injected_failure_leaves_nothing_of_its_ride) {
  start({{"fail", "{ match = \"poison\" }"}});
  BOOST_CHECK_THROW((void)receive("ride-1", "poison", "10"), std::runtime_error);
  (void)receive("ride-2", "cmr", "10");
  node.commit();
  BOOST_TEST(
      ask({}, "totals") ==
      R"({"balance":10.00,"rides":1,"received":2,"processed":1,"redelivered":0,"repeated":0,"failed":1,"rejected":0,"dropped":0})");
}

BOOST_AUTO_TEST_CASE(a_question_that_does_not_decode_is_answered_with_400) {
  start();
  BOOST_TEST(nlohmann::json::parse(ask({{"customer", "cmr"}}, "a=%zz"))["status"] == 400);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(loyalty, ServiceFixture<CustomerLoyalty>)

BOOST_AUTO_TEST_CASE(each_whole_unit_of_fare_is_a_point) {
  start();
  (void)receive("ride-1", "cmr", "256.50");
  (void)receive("ride-2", "cmr", "0.99");
  (void)receive("ride-3", "cmr", "1");
  BOOST_TEST(ask({{"customer", "cmr"}}) == R"({"customer":"cmr","points":257,"rides":3})");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(notification, ServiceFixture<CustomerNotification>)

BOOST_AUTO_TEST_CASE(a_customer_gets_one_notification_for_each_ride) {
  start();
  (void)receive("ride-1", "c m", "10");
  (void)receive("ride-2", "other", "10");
  (void)receive("ride-1", "c m", "10");
  BOOST_TEST(
      ask({{"customer", "c m"}}) ==
      R"({"notifications":[{"number":1,"ride":"ride-1","text":"Your ride from Berlin to Frankfurt is complete. Fare: 10.00."}],"links":{"self":"/customers/c%20m/notifications"}})");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(extraordinary, ServiceFixture<ExtraordinaryRides>)

BOOST_AUTO_TEST_CASE(left_to_itself_it_drops_the_rides_that_it_does_not_want_and_counts_them) {
  start({{"wants", R"({ fare = [{ numeric = [">=", 50] }] })"}});
  (void)receive("ride-1", "cmr", "49.99");
  (void)receive("ride-2", "cmr", "50.00");
  node.commit();
  const auto totals = nlohmann::json::parse(ask({}, "totals"));
  BOOST_TEST(totals["received"] == 2);
  BOOST_TEST(totals["dropped"] == 1);
  BOOST_TEST(totals["processed"] == 1);
  BOOST_TEST(totals["rides"] == 1);
}

BOOST_AUTO_TEST_CASE(what_it_wants_is_a_filter_policy) {
  BOOST_CHECK_THROW(start({{"wants", "{ fare = 50 }"}}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_list_comes_in_pages) {
  start();
  for (int i = 1; i <= 3; ++i) (void)receive("ride-" + std::to_string(i), "cmr", "50");
  const auto first = nlohmann::json::parse(ask({}, "limit=2"));
  BOOST_TEST(first["rides"].size() == 2U);
  BOOST_TEST(first["links"]["next"] == "/extraordinary-rides?after=2&limit=2");
  BOOST_TEST(
      ask({}, "after=2&limit=2") ==
      R"({"rides":[{"number":3,"id":"ride-3","customer":"cmr","fare":50.00,"distance":19.999}],"links":{"self":"/extraordinary-rides"}})");
}

BOOST_AUTO_TEST_CASE(a_page_that_cannot_be_names_every_wrong_field) {
  start();
  BOOST_TEST(nlohmann::json::parse(ask({}, "limit=0&after=x"))["errors"].size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
