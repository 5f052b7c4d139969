// Who may ask a server, and where a server may listen.

#include <boost/test/unit_test.hpp>

#include "common/http/bearer_gate.hpp"
#include "common/http/exposure.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda;
using namespace remuda::http;
using namespace std::chrono_literals;

namespace {

struct GateFixture {
  const std::string observer = keys::new_token();
  const std::string node = keys::new_token();
  const std::string operate = keys::new_token();
  const std::string admin = keys::new_token();
  keys::Tokens tokens{{"screen", keys::hash_of(observer), keys::Role::observer},
                      {"depot", keys::hash_of(node), keys::Role::node},
                      {"desk", keys::hash_of(operate), keys::Role::operate},
                      {"root", keys::hash_of(admin), keys::Role::admin}};

  static Request request(std::string method, std::string authorization) {
    Request made{std::move(method), "/rides", {{"Host", "localhost"}}, "", true, false};
    if (!authorization.empty()) made.fields.emplace_back("authorization", std::move(authorization));
    return made;
  }
  /// The status of the refusal; 0: it may pass.
  [[nodiscard]] int refused(const std::string& method, const std::string& authorization) const {
    const auto refusal = refusal_of(request(method, authorization), tokens);
    return refusal ? refusal->status : 0;
  }
  static std::string challenge(const Response& refusal) {
    for (const auto& [name, value] : refusal.fields) {
      if (name == "WWW-Authenticate") return value;
    }
    return {};
  }
};

struct ExposureFixture {
  Exposure exposure;
  ExposureFixture() { exposure.listen = *parse_endpoint("0.0.0.0:8443"); }
  [[nodiscard]] std::string remedy() const {
    const auto problem = problem_of(exposure);
    return problem ? problem->remedy : std::string{};
  }
  [[nodiscard]] std::string what() const {
    const auto problem = problem_of(exposure);
    return problem ? problem->what : std::string{};
  }
  [[nodiscard]] bool asks_for(std::string_view words) const { return remedy().find(words) != std::string::npos; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bearer_gate, GateFixture)

BOOST_AUTO_TEST_CASE(a_role_decides_who_may_read_and_who_may_write) {
  for (const auto* method : {"GET", "HEAD"}) {
    for (const auto& token : {observer, node, operate, admin}) BOOST_TEST(refused(method, "Bearer " + token) == 0);
  }
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "anything"}) {
    for (const auto& token : {observer, operate}) BOOST_TEST(refused(method, "Bearer " + token) == 403);
    for (const auto& token : {node, admin}) BOOST_TEST(refused(method, "Bearer " + token) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_request_without_a_token_is_asked_for_one) {
  const auto refusal = refusal_of(request("GET", ""), tokens);
  BOOST_REQUIRE(refusal);
  BOOST_TEST(refusal->status == 401);
  BOOST_TEST(challenge(*refusal) == "Bearer");
  BOOST_TEST(refusal->content_type == "application/problem+json");
}

BOOST_AUTO_TEST_CASE(a_wrong_token_is_told_so_and_not_repeated) {
  const std::string wrong = keys::new_token();
  const auto refusal = refusal_of(request("GET", "Bearer " + wrong), tokens);
  BOOST_REQUIRE(refusal);
  BOOST_TEST(challenge(*refusal) == "Bearer error=\"invalid_token\"");
  BOOST_TEST(refusal->body.find(wrong) == std::string::npos);
  const auto forbidden = refusal_of(request("POST", "Bearer " + observer), tokens);
  BOOST_REQUIRE(forbidden);
  BOOST_TEST(challenge(*forbidden) == "Bearer error=\"insufficient_scope\"");
  BOOST_TEST(forbidden->body.find(observer) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_token_has_one_form_and_one_place) {
  BOOST_TEST(refused("POST", "bearer  " + node) == 0);
  const std::vector<std::string> others{node,
                                        "Basic " + node,
                                        "Bearer",
                                        "Bearer ",
                                        "Bearer" + node,
                                        "Bearer " + node + " ",
                                        "Bearer " + node + "," + node,
                                        "Bearer " + std::string(10'000, 'x')};
  for (const auto& wrong : others) BOOST_TEST(refused("GET", wrong) == 401);
  Request twice = request("GET", "Bearer " + node);
  twice.fields.emplace_back("Authorization", "Bearer " + node);
  BOOST_TEST(refusal_of(twice, tokens)->status == 401);
  Request in_address = request("GET", "");
  in_address.target = "/rides?access_token=" + node;
  BOOST_TEST(refusal_of(in_address, tokens)->status == 401);
}

BOOST_AUTO_TEST_CASE(a_revoked_token_stops_within_a_second_and_what_cannot_be_read_is_told_once) {
  const TemporaryFolder folder;
  const std::string file = folder.path + "/tokens";
  ManualClock clock;
  std::vector<std::string> told;
  BOOST_REQUIRE(keys::write_tokens(file, tokens));
  auto gate = BearerGate::open(file, clock, [&](const std::string& why) { told.push_back(why); });
  BOOST_REQUIRE(gate);
  const auto may_pass = [&](const std::string& token) { return !gate->refusal(request("GET", "Bearer " + token)); };
  BOOST_TEST(may_pass(node));
  tokens[1].revoked = true;
  BOOST_REQUIRE(keys::write_tokens(file, tokens));
  clock.advance(1s);
  BOOST_TEST(!may_pass(node));
  BOOST_TEST(may_pass(admin));
  std::filesystem::remove(file);
  for (int i = 0; i < 3; ++i) {
    clock.advance(1s);
    BOOST_TEST(may_pass(admin));
  }
  BOOST_TEST(told.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(exposure_rules, ExposureFixture)

BOOST_AUTO_TEST_CASE(on_this_machine_nothing_is_asked_for) {
  for (const auto* here : {"127.0.0.1:8080", "127.3.2.1:80", "[::1]:8080", "localhost:8080"}) {
    exposure.listen = *parse_endpoint(here);
    BOOST_TEST(remedy() == "");
  }
}

BOOST_AUTO_TEST_CASE(beyond_it_both_are_asked_for_with_the_commands_that_make_them) {
  for (const auto* there : {"0.0.0.0:8443", "192.168.1.7:8443", "[::]:8443", "[fe80::1]:8443"}) {
    exposure.listen = *parse_endpoint(there);
    BOOST_TEST(asks_for("remuda keys token add NAME"));
    BOOST_TEST(asks_for(certificate_command));
    BOOST_TEST(asks_for("or listen on 127.0.0.1:8443"));
    BOOST_TEST(what().find("'" + exposure.listen.text() + "' can be reached from other machines") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(what_is_there_is_not_asked_for) {
  exposure.is_proved = true;
  BOOST_TEST(!asks_for("remuda keys"));
  BOOST_TEST(asks_for("openssl req"));
  exposure.is_proved = false;
  exposure.has_certificate = exposure.has_key = true;
  BOOST_TEST(asks_for("remuda keys"));
  BOOST_TEST(!asks_for("openssl req"));
  exposure.is_proved = true;
  BOOST_TEST(remedy() == "");
}

BOOST_AUTO_TEST_CASE(a_proxy_in_front_stands_for_tls_only) {
  exposure.behind_proxy = true;
  BOOST_TEST(asks_for("remuda keys"));
  BOOST_TEST(!asks_for("openssl req"));
  exposure.is_proved = true;
  BOOST_TEST(remedy() == "");
}

BOOST_AUTO_TEST_CASE(callers_who_sign_need_credentials) {
  exposure.proof = Proof::signatures;
  exposure.has_certificate = exposure.has_key = true;
  BOOST_TEST(asks_for("credentials = [{"));
  BOOST_TEST(!asks_for("remuda keys"));
}

BOOST_AUTO_TEST_CASE(half_of_tls_is_a_mistake_everywhere) {
  exposure.listen = *parse_endpoint("127.0.0.1:8443");
  exposure.has_certificate = true;
  BOOST_TEST(what() == "tls_certificate is given without tls_key, and TLS needs both");
  exposure.has_certificate = false;
  exposure.has_key = true;
  BOOST_TEST(what() == "tls_key is given without tls_certificate, and TLS needs both");
}

BOOST_AUTO_TEST_SUITE_END()
