#include "common/failure_injection.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/filter/filter_policy.hpp"

namespace remuda {
namespace {

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
std::uint64_t mixed(std::uint64_t bits) {
  bits += 0x9e3779b97f4a7c15ULL;
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebULL;
  return bits ^ (bits >> 31U);
}

/// A number from 0 (included) to 1 (excluded) that belongs to this delivery.
double draw(std::uint64_t seed, std::string_view id, std::uint32_t receive_count) {
  std::uint64_t bits = mixed(seed);
  for (const char c : id) bits = mixed(bits ^ static_cast<unsigned char>(c));
  bits = mixed(bits ^ receive_count);
  return static_cast<double>(bits >> 11U) * 0x1.0p-53;
}

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument{"The parameter `fail` is wrong: " + what + "."};
}

}  // namespace

struct FailureInjection::Rule {
  double probability = 0;
  std::uint64_t seed = 1;
  std::string piece;
  std::optional<FilterPolicy> policy;

  [[nodiscard]] bool matches(const Message& message) const {
    if (policy) return policy->matches_body(message.body);
    return !piece.empty() && message.body.find(piece) != std::string::npos;
  }
};

ParameterDescription FailureInjection::parameter() {
  return {"fail", ParameterType::table, "{ probability = 0.0, seed = 1, match = \"\" }",
          "fail on purpose: a share of the deliveries, or always for bodies that match a filter policy or hold a text"};
}

FailureInjection::FailureInjection() : rule_{std::make_unique<Rule>()} {}
FailureInjection::FailureInjection(FailureInjection&&) noexcept = default;
FailureInjection& FailureInjection::operator=(FailureInjection&&) noexcept = default;
FailureInjection::~FailureInjection() = default;

FailureInjection::FailureInjection(const Parameters& parameters) : FailureInjection{} {
  for (const auto& [key, value] : parameters.json("fail").items()) {
    if (key == "probability") {
      if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 1)
        refuse("`probability` must be a number from 0 to 1");
      rule_->probability = value.get<double>();
    } else if (key == "seed") {
      if (!value.is_number_integer()) refuse("`seed` must be a whole number");
      rule_->seed = static_cast<std::uint64_t>(value.get<std::int64_t>());
    } else if (key == "match") {
      if (!value.is_string()) refuse("`match` must be text");
      rule_->piece = value.get<std::string>();
    } else {
      refuse("`" + key + "` is unknown; known are probability, seed and match");
    }
  }
  if (rule_->piece.starts_with('{')) {
    auto policy = FilterPolicy::compile(rule_->piece, FilterScope::body);
    if (!policy) refuse("`match` is no filter policy: " + policy.error().message);
    rule_->policy.emplace(std::move(policy).value());
  }
}

std::optional<std::string> FailureInjection::strikes(const Message& message, const Delivery& delivery) const {
  if (rule_->matches(message)) return "injected failure: the message matches " + rule_->piece;
  if (rule_->probability > 0 && draw(rule_->seed, message.id, delivery.receive_count) < rule_->probability) {
    return "injected failure: drawn with probability " + nlohmann::json(rule_->probability).dump();
  }
  return std::nullopt;
}

}  // namespace remuda
