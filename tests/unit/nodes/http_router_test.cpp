#include <boost/test/unit_test.hpp>

#include "common/http/router.hpp"

using namespace remuda::http;

namespace {

struct RouterFixture {
  Router router = *Router::make({{"POST /submit-ride-completion", "submit"},
                                 {"GET /rides/{id}", "submit"},
                                 {"GET /rides/latest", "latest"},
                                 {"DELETE /rides/{ride}", "remove"},
                                 {"GET /customers/{customer}/account", "accounting"}});

  /// "port name=part ..." of the route that is found.
  std::string found(std::string_view method, std::string_view path) const {
    const auto answer = router.find(method, path);
    if (const auto* match = std::get_if<RouteMatch>(&answer)) {
      std::string text = match->route->port;
      for (const auto& [name, part] : match->parts) text += " " + name + "=" + part;
      return text;
    }
    if (const auto* method_error = std::get_if<NoSuchMethod>(&answer)) return "405 " + method_error->allow;
    return std::holds_alternative<BadPath>(answer) ? "400" : "404";
  }
  static std::string refused(const std::map<std::string, std::string>& routes) {
    const auto made = Router::make(routes);
    return made ? std::string{} : made.error().code;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(router, RouterFixture)

BOOST_AUTO_TEST_CASE(a_request_finds_its_port_and_the_parts_of_its_path) {
  BOOST_TEST(found("POST", "/submit-ride-completion") == "submit");
  BOOST_TEST(found("GET", "/rides/7") == "submit id=7");
  BOOST_TEST(found("GET", "/customers/cmr/account") == "accounting customer=cmr");
}

BOOST_AUTO_TEST_CASE(a_literal_part_wins_over_a_variable) {
  BOOST_TEST(found("GET", "/rides/latest") == "latest");
}

BOOST_AUTO_TEST_CASE(head_is_answered_where_get_is) {
  BOOST_TEST(found("HEAD", "/rides/7") == "submit id=7");
}

BOOST_AUTO_TEST_CASE(a_known_path_with_another_method_says_which_are_allowed) {
  BOOST_TEST(found("PUT", "/rides/7") == "405 DELETE, GET, HEAD");
  BOOST_TEST(found("GET", "/submit-ride-completion") == "405 POST");
}

BOOST_AUTO_TEST_CASE(unknown_paths_are_not_found) {
  for (const std::string_view path :
       {"/", "/rides", "/rides/", "/rides/7/", "//rides/7", "/customers//account", "/../etc/passwd", "rides/7", ""}) {
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST(found("GET", path) == "404");
    }
  }
}

BOOST_AUTO_TEST_CASE(parts_are_decoded_after_the_path_is_split) {
  BOOST_TEST(found("GET", "/rides/a%2Fb%20c") == "submit id=a/b c");
  BOOST_TEST(found("GET", "/rides/%C3%A4") == "submit id=\xC3\xA4");
}

BOOST_AUTO_TEST_CASE(parts_that_are_no_text_are_refused) {
  for (const std::string_view path :
       {"/rides/%", "/rides/%4", "/rides/%zz", "/rides/%00", "/rides/%0d%0aSet-Cookie", "/rides/%ff", "/rides/%C0%AF"}) {
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST(found("GET", path) == "400");
    }
  }
}

BOOST_AUTO_TEST_CASE(wrong_routes_are_refused) {
  for (const std::string_view route : {"/rides", "get /rides", "GET rides", "GET ", "GET /a b", "GET /a?b", "GET /a{id}", "GET /{}",
                                       "GET /{id", "GET /{a}/{a}", "GET /{a b}"}) {
    BOOST_TEST_CONTEXT(route) {
      BOOST_TEST(refused({{std::string{route}, "port"}}) == "invalid_route");
    }
  }
  BOOST_TEST(refused({{"GET /rides", ""}}) == "invalid_route");
  BOOST_TEST(refused({{"GET /rides/{id}", "a"}, {"GET /rides/{ride}", "b"}}) == "invalid_route");
}

BOOST_AUTO_TEST_SUITE_END()
