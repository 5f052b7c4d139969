#pragma once
// The words in which the stories about filter policies are told.

#include <boost/test/unit_test.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "common/filter/filter_policy.hpp"
#include "common/filter/json_to_msgpack.hpp"

namespace remuda::test {

struct FilterFixture {
  FilterPolicy policy;

  void filter_bodies_by(std::string_view policy_json) { compile(policy_json, FilterScope::body); }
  void filter_attributes_by(std::string_view policy_json) { compile(policy_json, FilterScope::attributes); }

  /// Asks twice, about the JSON text and about its packed form: the answer must be the same.
  bool body_matches(std::string_view json) const {
    std::string packed;
    BOOST_REQUIRE(json_to_msgpack(json, packed));
    const bool matched = policy.matches_body(packed);
    BOOST_TEST(policy.matches_body(json) == matched);
    return matched;
  }

  struct NamedAttribute {
    std::string name;
    Attribute attribute;
  };
  bool attributes_match(std::initializer_list<NamedAttribute> attributes) const {
    Message message;
    message.id = "ride-1";
    for (const auto& [name, attribute] : attributes) message.attributes[name] = attribute;
    const std::string packed = pack(message);
    const auto view = view_message(packed);
    BOOST_REQUIRE(view.ok());
    return policy.matches(*view);
  }
  bool attribute_matches(const std::string& type, const std::string& value) const {
    return attributes_match({{"key", {type, value}}});
  }

  static FilterPolicyError refused(std::string_view policy_json, FilterScope scope = FilterScope::body) {
    const auto compiled = FilterPolicy::compile(policy_json, scope);
    BOOST_REQUIRE_MESSAGE(!compiled.ok(), "accepted: " << policy_json);
    BOOST_TEST(compiled.error().code == "invalid_filter_policy");
    BOOST_TEST(compiled.error().definite);
    return compiled.error();
  }
  static bool accepted(std::string_view policy_json, FilterScope scope = FilterScope::body) {
    return FilterPolicy::compile(policy_json, scope).ok();
  }

 private:
  void compile(std::string_view policy_json, FilterScope scope) {
    auto compiled = FilterPolicy::compile(policy_json, scope);
    BOOST_REQUIRE_MESSAGE(compiled.ok(), policy_json << " was refused: " << (compiled.ok() ? "" : compiled.error().message));
    policy = std::move(*compiled);
  }
};

}  // namespace remuda::test
