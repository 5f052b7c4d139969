// W7: one event after the other against many subscriptions' filter policies, on one core, in this process: what a broker or a
// router spends on deciding. Keyed: each policy names a customer and has a range of fares and one of distances. Ranges: the two
// ranges alone; of 100 such policies about 72 want an event.
#include <chrono>
#include <random>

#include <nlohmann/json.hpp>

#include "bench/workload.hpp"
#include "common/filter/policy_compiler.hpp"
#include "common/filter/rule_index.hpp"

namespace remuda::bench {

namespace {

using Steady = std::chrono::steady_clock;

std::shared_ptr<const filter::CompiledPolicy> policy(const nlohmann::json& json) {
  auto compiled = filter::compile_policy(json.dump(), filter::Dialect::topic_body);
  if (!compiled) throw std::runtime_error{compiled.error().message};
  return std::make_shared<const filter::CompiledPolicy>(std::move(**compiled));
}

filter::RuleIndex subscriptions(int count, bool keyed) {
  std::mt19937 random{7};
  const auto range = [&](int span) {  // wide: about 85 % of the values lie inside
    const int low = static_cast<int>(random() % static_cast<unsigned>(span * 15 / 100 + 1));
    return nlohmann::json::array({{{"numeric", {">=", low, "<", low + span * 85 / 100}}}});
  };
  std::vector<std::shared_ptr<const filter::CompiledPolicy>> rules;
  for (int i = 0; i < count; ++i) {
    nlohmann::json json{{"fare", range(100'000)}, {"distance", range(200'000)}};
    if (keyed) json["customer"] = {"customer-" + std::to_string(i)};
    rules.push_back(policy(json));
  }
  return filter::RuleIndex{std::move(rules)};
}

std::vector<std::string> events(int customers, std::size_t size) {
  std::mt19937 random{11};
  std::vector<std::string> all;
  for (int i = 0; i < 4'096; ++i) {
    nlohmann::json json{{"customer", "customer-" + std::to_string(random() % static_cast<unsigned>(customers))},
                        {"fare", random() % 100'000U},
                        {"distance", random() % 200'000U},
                        {"from", "Berlin"},
                        {"note", ""}};
    const std::size_t bare = nlohmann::json::to_msgpack(json).size();
    json["note"] = std::string(size > bare ? size - bare : 0, 'x');
    const auto bytes = nlohmann::json::to_msgpack(json);
    all.emplace_back(bytes.begin(), bytes.end());
  }
  return all;
}

struct Figures {
  double events_per_s = 0;
  double matches_per_event = 0;
  std::uint64_t events = 0;
};

Figures measure(int count, bool keyed, const Options& options, double seconds) {
  auto index = subscriptions(count, keyed);
  const auto all = events(keyed ? count : 100, options.size);
  std::vector<std::size_t> matching;
  Figures figures;
  std::uint64_t matches = 0;
  const auto began = Steady::now();
  double took = 0;
  while (took < seconds) {
    for (int i = 0; i < 256; ++i) {
      index.match(all[figures.events++ % all.size()], matching);
      matches += matching.size();
    }
    took = std::chrono::duration<double>(Steady::now() - began).count();
  }
  figures.events_per_s = static_cast<double>(figures.events) / took;
  figures.matches_per_event = static_cast<double>(matches) / static_cast<double>(figures.events);
  return figures;
}

}  // namespace

Result<Report> many_rules(const Options& options) {
  Report report;
  report.workload = "W7";
  report.size = options.size;
  report.durability = "none";
  const double seconds = options.seconds / 6;
  for (const bool keyed : {true, false}) {
    for (const int count : {1, 100, 10'000}) {
      const auto figures = measure(count, keyed, options, seconds);
      const std::string name = (keyed ? "keyed_" : "ranges_") + std::to_string(count);
      report.more.emplace_back(name + "_events_per_s", figures.events_per_s);
      report.more.emplace_back(name + "_matches_per_event", figures.matches_per_event);
      if (!keyed || count != 10'000) continue;
      report.msgs_per_s = figures.events_per_s;
      report.messages = figures.events;
    }
  }
  return report;
}

}  // namespace remuda::bench
