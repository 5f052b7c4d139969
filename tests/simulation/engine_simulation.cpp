// Seeded random operations on the queue engine, each held against a naive model and the invariants of RELIABILITY §5.1.
//
//   REMUDA_SIMULATION_OPERATIONS=n   how many in all (5,000,000 unless said; `night` runs 500,000,000), 25,000 per seed
//   REMUDA_SIMULATION_SEED=n         replays one seed      REMUDA_SIMULATION_FIRST_SEED=n   begins there and not at 1
//   A run that fails is made short first: which of its steps are enough, and what they do, is printed. REMUDA_SIMULATION_SHRINK=0 saves
//   the time.
//   REMUDA_SIMULATION_VERBOSE=1      prints what was reached and checked, too; REMUDA_SIMULATION_TRACE=1 every request and its
//   answer

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>

#include "tests/simulation/shrink.hpp"
#include "tests/simulation/simulation.hpp"

namespace remuda::broker::test {
namespace {

constexpr std::uint64_t operations_per_seed = 25'000;
#ifdef REMUDA_SIMULATION_SLOW  // under a sanitizer
constexpr std::uint64_t operations_default = 500'000;
#else
constexpr std::uint64_t operations_default = 5'000'000;
#endif

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::optional<SimulationFailed> failure_of(std::uint64_t seed, const Steps& steps, bool trace = false) {
  Tally scratch;
  std::optional<SimulationFailed> failed;
  try {
    Simulation simulation{seed, scratch, trace};
    for (const std::uint64_t number : steps) simulation.step(number);
    simulation.finish();
  } catch (const SimulationFailed& failure) {
    failed.emplace(failure);
  } catch (const std::exception&) {
    failed
        .reset();  // the model itself lost its way without the steps that were left out: another failure than the one that is looked for
  }
  return failed;
}

std::string first_line(std::string_view text) {
  return std::string{text.substr(0, text.find('\n'))};
}

/// Few steps that are enough for the same failure, printed with what they do.
void print_shortened(std::uint64_t seed, const SimulationFailed& failure) {
  constexpr std::size_t attempts_max = 4'000;
  Steps steps(failure.step);
  std::iota(steps.begin(), steps.end(), std::uint64_t{1});
  const std::string what = first_line(failure.what());
  steps = shrink(
      std::move(steps),
      [&](const Steps& fewer) {
        const auto again = failure_of(seed, fewer);
        return again && first_line(again->what()) == what;
      },
      attempts_max);
  std::cout << "seed " << seed << " fails in step " << failure.step << "; " << steps.size() << " of its steps are enough:\n";
  (void)failure_of(seed, steps, true);
  std::cout << what << std::endl;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failing_run_is_cut_down_to_the_steps_that_matter) {
  Steps all(25'000);
  std::iota(all.begin(), all.end(), std::uint64_t{1});
  std::size_t attempts = 0;
  const auto fails = [&](const Steps& steps) {
    ++attempts;
    return std::ranges::includes(steps, Steps{7, 300, 301, 24'000});
  };
  BOOST_TEST(shrink(all, fails, 4'000) == (Steps{7, 300, 301, 24'000}), boost::test_tools::per_element());
  BOOST_TEST(attempts < 500U);
  const Steps cut_off = shrink(all, fails, 10);  // as far as the attempts go, but never to something that does not fail
  BOOST_TEST(cut_off.size() < all.size());
  BOOST_TEST(fails(cut_off));
}

BOOST_AUTO_TEST_CASE(steps_do_the_same_whatever_was_left_out_before_them) {
  Steps every_third;
  for (std::uint64_t number = 1; number < 30'000; number += 3) every_third.push_back(number);
  const auto failure = failure_of(5, every_third);
  BOOST_TEST(!failure, (failure ? failure->what() : ""));
}

BOOST_AUTO_TEST_CASE(the_engine_agrees_with_its_model_whatever_happens) {
  const std::uint64_t only = from_environment("REMUDA_SIMULATION_SEED", 0);
  const std::uint64_t first = only != 0 ? only : from_environment("REMUDA_SIMULATION_FIRST_SEED", 1);
  const std::uint64_t operations = from_environment("REMUDA_SIMULATION_OPERATIONS", operations_default);
  const std::uint64_t seeds = only != 0 ? 1 : (operations + operations_per_seed - 1) / operations_per_seed;
  Tally tally;
  const auto started = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    try {
      Simulation simulation{seed, tally, from_environment("REMUDA_SIMULATION_TRACE", 0) != 0};
      for (std::uint64_t number = 1; number <= operations_per_seed; ++number) simulation.step(number);
      simulation.finish();
    } catch (const SimulationFailed& failure) {
      if (from_environment("REMUDA_SIMULATION_SHRINK", 1) != 0) print_shortened(seed, failure);
      BOOST_FAIL("REMUDA_SIMULATION_SEED=" << seed << ", step " << failure.step << ": " << failure.what());
    } catch (const std::exception& failure) {
      BOOST_FAIL("REMUDA_SIMULATION_SEED=" << seed << ": " << failure.what());
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  if (from_environment("REMUDA_SIMULATION_VERBOSE", 0) != 0) tally.print(std::cout);
  std::cout << tally.operations << " checked operations in " << seeds << " seeds, " << tally.crashes << " crashes, "
            << tally.clock_jumps << " clock jumps, "
            << static_cast<std::uint64_t>(static_cast<double>(tally.operations) / took.count())
            << " operations per second: 0 violations\n";
  if (only != 0 || operations < operations_default) return;  // too short to reach everything
  std::ostringstream missing;
  BOOST_TEST(tally.print_missing(missing) == 0U, missing.str());
}

}  // namespace remuda::broker::test
