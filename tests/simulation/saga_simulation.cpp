// Every interleaving of kills, requests that are lost, and answers that are lost, late or doubled, for sagas of up to four steps: enumerated, not
// drawn. A schedule is a plan (what becomes of the saga) and up to two faults, each at one turn of the orchestrator: a kill at one of its
// moments, and what becomes of the next task. Time is virtual; equal schedules are equal runs.
//
//   REMUDA_SAGA_PAIRS=n  two faults for sagas of up to n steps (1; at night 4); one fault for all of them
//   REMUDA_SAGA_STEPS=n  sagas of up to n steps only (4)
//   REMUDA_SAGA_JOBS=n   plans that are tried at the same time (1)

#include <stdlib.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <iostream>
#include <optional>
#include <sstream>

#include "common/log.hpp"
#include "tests/simulation/saga_world.hpp"

namespace remuda::saga::simulation {
namespace {

constexpr int steps_max = 4;
constexpr std::uint64_t runs_of_a_world = 2'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

/// In memory where there is such a place: what is killed here is a process, not the machine.
class Folder {
 public:
  Folder() {
    const std::filesystem::path memory{"/dev/shm"};
    path_ =
        ((std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) / "remuda-saga-XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error{"cannot make " + path_};
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<Plan> plans_of(int steps) {
  using Fate = Plan::Fate;
  std::vector<Plan> plans{{steps, Fate::completes}};
  for (int at = 1; at <= steps; ++at) {
    plans.push_back({steps, Fate::refused, at});
    for (const bool executed : {false, true}) {
      plans.push_back({steps, Fate::given_up, at, executed});
      plans.push_back({steps, Fate::aborted, at, executed});
    }
    if (at < steps) plans.push_back({steps, Fate::undo_is_broken, at});
    if (at > 1) plans.push_back({steps, Fate::passes_pivot, at, true});
  }
  return plans;
}

struct Figures {
  std::uint64_t plans = 0, schedules = 0, turns = 0, crashes = 0;
  Checks checks;

  void add(const Figures& other) {
    plans += other.plans;
    schedules += other.schedules;
    turns += other.turns;
    crashes += other.crashes;
    for (const auto& [promise, times] : other.checks) checks[promise] += times;
  }
};

class Enumeration {
 public:
  Enumeration(const Plan& plan, Figures& figures) : plan_{plan}, figures_{figures} { ++figures_.plans; }

  void run_all(bool with_pairs) {
    const World::Run undisturbed = run({});
    for_each_fault(undisturbed, 0, every_crash, [&](int turn, const Fault& fault) {
      const World::Run once = run({{turn, fault}});
      if (!with_pairs || !is_one_of(fault.crash, crashes_of_pairs)) return;
      for_each_fault(once, turn + 1, crashes_of_pairs, [&](int second, const Fault& another) {
        run({{turn, fault}, {second, another}});
      });
    });
  }

 private:
  Plan plan_;
  Figures& figures_;
  std::optional<Folder> folder_;
  std::unique_ptr<World> world_;
  std::uint64_t runs_ = 0;

  using Crashes = std::vector<Crash>;
  static inline const Crashes every_crash{Crash::none,
                                          Crash::before_commit,
                                          Crash::before_commit_late,
                                          Crash::before_leaving,
                                          Crash::before_leaving_late,
                                          Crash::before_acknowledged,
                                          Crash::before_acknowledged_late,
                                          Crash::after};
  /// A kill after a turn is one before the next; what comes again late is tried alone.
  static inline const Crashes crashes_of_pairs{Crash::none, Crash::before_commit, Crash::before_leaving,
                                               Crash::before_acknowledged};

  static bool is_one_of(Crash crash, const Crashes& all) { return std::find(all.begin(), all.end(), crash) != all.end(); }

  template <class Use>
  static void for_each_fault(const World::Run& run, int first_turn, const Crashes& crashes, const Use& use) {
    for (int turn = first_turn; turn < run.turns; ++turn) {
      const int losses_here = run.asks.at(static_cast<std::size_t>(turn)) ? losses : 1;
      for (const Crash crash : crashes) {
        for (int loss = 0; loss < losses_here; ++loss) {
          if (crash != Crash::none || loss > 0) use(turn, Fault{crash, static_cast<Loss>(loss)});
        }
      }
    }
  }

  World::Run run(const Faults& faults) {
    if (runs_++ % runs_of_a_world == 0) {
      world_.reset();
      folder_.emplace();
      world_ = std::make_unique<World>(plan_, folder_->path(), figures_.checks);
    }
    try {
      const World::Run done = world_->run(faults);
      ++figures_.schedules;
      figures_.turns += static_cast<std::uint64_t>(done.turns);
      figures_.crashes += static_cast<std::uint64_t>(done.crashes);
      return done;
    } catch (const std::exception& error) {
      std::ostringstream text;
      text << error.what() << "\n  after " << figures_.schedules << " schedules"
           << "\n  plan: " << plan_;
      for (const auto& [turn, fault] : faults) text << "\n  turn " << turn << ": " << fault;
      throw std::runtime_error{text.str()};
    }
  }
};

struct Quiet {
  Quiet() { start_log("saga", LogFormat::text, LogLevel::error); }
};

/// Each job takes the next plan until none is left; what a job finds broken ends the test when the others have finished.
Figures enumerate(int steps) {
  const std::vector<Plan> plans = plans_of(steps);
  const bool with_pairs = static_cast<std::uint64_t>(steps) <= from_environment("REMUDA_SAGA_PAIRS", 1);
  std::atomic<std::size_t> next{0};
  std::vector<std::future<Figures>> jobs(std::max<std::uint64_t>(1, from_environment("REMUDA_SAGA_JOBS", 1)));
  for (auto& job : jobs) {
    job = std::async(std::launch::async, [&] {
      Figures figures;
      for (std::size_t i = next++; i < plans.size(); i = next++) Enumeration{plans[i], figures}.run_all(with_pairs);
      return figures;
    });
  }
  for (auto& job : jobs) job.wait();
  Figures all;
  for (auto& job : jobs) all.add(job.get());
  return all;
}

void print(int steps, const Figures& figures, std::chrono::steady_clock::time_point begin) {
  const double seconds = std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count();
  std::cout << "sagas of " << steps << " steps: " << figures.plans << " plans, " << figures.schedules << " schedules, "
            << figures.turns << " turns, " << figures.crashes << " kills, in " << seconds << " s; checked";
  for (const auto& [promise, times] : figures.checks) std::cout << ' ' << promise << ' ' << times << ',';
  std::cout << std::endl;
}

void keeps_every_promise(int steps) {
  if (static_cast<std::uint64_t>(steps) > from_environment("REMUDA_SAGA_STEPS", steps_max)) {
    std::cout << "not of " << steps << " steps: REMUDA_SAGA_STEPS" << std::endl;
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  Figures figures = enumerate(steps);
  print(steps, figures, begin);
  for (const char* promise : {"S1", "S2", "S3", "S4", "S5", "S7", "S9", "S10", "crash rule"})
    BOOST_TEST(figures.checks[promise] > 0U, promise << " was never checked");
  if (steps > 1) BOOST_TEST((figures.checks["S6"] > 0U && figures.checks["S8"] > 0U));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(saga_simulation, Quiet)

BOOST_AUTO_TEST_CASE(a_saga_of_one_step_keeps_every_promise) {
  keeps_every_promise(1);
}
BOOST_AUTO_TEST_CASE(a_saga_of_two_steps_keeps_every_promise) {
  keeps_every_promise(2);
}
BOOST_AUTO_TEST_CASE(a_saga_of_three_steps_keeps_every_promise) {
  keeps_every_promise(3);
}
BOOST_AUTO_TEST_CASE(a_saga_of_four_steps_keeps_every_promise) {
  keeps_every_promise(4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga::simulation
