#include "bench/topology_run.hpp"

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace remuda::bench {

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Runs the command and returns what it printed.
std::string command(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  std::error_code ignored;
  std::filesystem::remove(log, ignored);
  Process process{"remuda", arguments, log};
  const int code = process.wait();
  std::string output = text_of(log);
  if (code != 0) throw std::runtime_error("remuda " + arguments.front() + " ended with " + std::to_string(code) + ":\n" + output);
  return output;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count();
}

}  // namespace

TopologyRun::TopologyRun(std::string name, const std::filesystem::path& launch_file, const std::vector<std::string>& settings,
                         const std::string& data_parent, Wait wait)
    : name_{std::move(name)}, folder_{data_parent} {
  std::vector<std::string> arguments{
      "up", launch_file.string(), "-d", "--name", name_, "--data", (folder_.path() / "data").string()};
  if (wait == Wait::until_ready) arguments.emplace_back("--wait");
  for (const auto& setting : settings) {
    arguments.emplace_back("--set");
    arguments.push_back(setting);
  }
  const auto begin = std::chrono::steady_clock::now();
  try {
    command(arguments, folder_.path() / "up.log");
  } catch (const std::exception&) {
    down_quietly();  // what did start was left running
    throw;
  }
  up_seconds_ = seconds_since(begin);
  running_ = true;
}

TopologyRun::~TopologyRun() {
  if (running_) down_quietly();
}

void TopologyRun::down_quietly() {
  try {
    down();
  } catch (const std::exception&) {  // what is measured has failed already; the processes end with their supervisor
  }
}

double TopologyRun::down() {
  running_ = false;
  const auto begin = std::chrono::steady_clock::now();
  command({"down", "--topology", name_, "--yes"}, folder_.path() / "down.log");
  return seconds_since(begin);
}

std::vector<RunningProcess> TopologyRun::processes() const {
  std::vector<RunningProcess> running;
  std::istringstream lines{command({"ps", "--topology", name_, "--json"}, folder_.path() / "ps.log")};
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (!json.at("pid").is_number()) continue;
    running.push_back({json.at("node").get<std::string>(), json.at("kind") == "broker", json.at("pid").get<pid_t>()});
  }
  return running;
}

}  // namespace remuda::bench
