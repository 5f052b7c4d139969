#pragma once
// The vocabulary of the launch file stories: files in memory, arguments, and what comes of them.

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

#include "common/topology/wiring.hpp"
#include "tests/unit/topology/executables.hpp"

namespace remuda::topology::testing {

struct LaunchFixture {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> variables;
  Surroundings surroundings;
  Topology topology;

  LaunchFixture() {
    surroundings.read = [this](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return fail("no_such_file", "no such file");
      return found->second;
    };
    surroundings.load.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional{found->second};
    };
    surroundings.describe = describe;
  }

  /// A launch file begins the same way every time.
  void write(const std::string& body, const std::string& path = "main.toml") {
    files[path] = "schema = 1\nname = \"story\"\n" + body;
  }
  void set(const std::string& name, const std::string& value) { surroundings.load.set.emplace_back(name, value); }

  const Plan& launch() {
    topology = resolve("main.toml", surroundings);
    return topology.plan;
  }
  /// launch(), and nothing is wrong with it.
  const Plan& wired() {
    launch();
    BOOST_TEST(topology.diagnostics.errors() == 0U, render(topology.diagnostics));
    return topology.plan;
  }
  /// The codes of all findings, in the order of the file.
  std::string found() {
    launch();
    std::string codes;
    for (const auto& diagnostic : topology.diagnostics.sorted()) codes += (codes.empty() ? "" : " ") + diagnostic.code;
    return codes;
  }

  const QueuePlan& queue(const std::string& name) const {
    for (const auto& plan : topology.plan.queues) {
      if (plan.name == name) return plan;
    }
    throw std::runtime_error{"no queue " + name};
  }
  const ProcessPlan& process(const std::string& node, int replica = 0) const {
    for (const auto& plan : topology.plan.processes) {
      if (plan.node == node && plan.replica == replica) return plan;
    }
    throw std::runtime_error{"no process " + node};
  }
  /// What follows `option name=` among a process's arguments; all of them, separated by blanks.
  std::string given(const std::string& node, const std::string& option, const std::string& name, int replica = 0) const {
    const auto& arguments = process(node, replica).arguments;
    std::string out;
    for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
      if (arguments[i] == option && arguments[i + 1].substr(0, name.size() + 1) == name + "=") {
        out += (out.empty() ? "" : " ") + arguments[i + 1].substr(name.size() + 1);
      }
    }
    return out;
  }
  std::string port(const std::string& node, const std::string& name, int replica = 0) const {
    return given(node, "--port", name, replica);
  }
  std::string parameter(const std::string& node, const std::string& name) const { return given(node, "--param", name); }
};

}  // namespace remuda::topology::testing
