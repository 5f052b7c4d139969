// Seeded random operations on the queue engine, each held against a naive model and the invariants of RELIABILITY §5.1.
//
//   REMUDA_SIMULATION_OPERATIONS=n   how many in all (5,000,000 unless said; `night` runs 500,000,000), 25,000 per seed
//   REMUDA_SIMULATION_SEED=n         replays one seed      REMUDA_SIMULATION_FIRST_SEED=n   begins there and not at 1
//   REMUDA_SIMULATION_VERBOSE=1      prints what was reached and checked, too; REMUDA_SIMULATION_TRACE=1 every request and its
//   answer

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>

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

}  // namespace

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
      for (std::uint64_t i = 0; i < operations_per_seed; ++i) simulation.step();
      simulation.finish();
    } catch (const std::exception& failure) {
      BOOST_FAIL("REMUDA_SIMULATION_SEED=" << seed << ", " << failure.what());
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
