// The power is cut at every storage call of a working queue node, with every way the disk may have kept what was not synced; then
// again during the recovery, and again in the life after it. Asked each time: what was confirmed is there, whole and once; what was
// deleted is not; requests without answer took place as a whole or not at all; and a recovery that was cut short finds the same.
//
//   REMUDA_CRASH_POINTS=n        how many first cuts (default 20,000; 2,000,000 for a night)
//   REMUDA_CRASH_SEED=n          where the seeds start (default 1)

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <iostream>

#include "tests/simulation/broker_life.hpp"
#include "tests/simulation/call_sites.hpp"

namespace remuda::broker::test {
namespace {

using testing::DiskCall;
using testing::MemoryDisk;
using testing::Survivors;

/// One life, and the world at one of its calls: each call has the same chance.
class LifeWithMoment {
 public:
  LifeWithMoment(World& world, std::mt19937_64& random) : world_{world}, life{world, random()} {
    world.disk->before_call = [this, &random](const DiskCall& call) {
      auto name = names_.name(life.phase(), call);
      if (random() % ++seen_ != 0) return;
      kept_ = world_.copy(random());
      place_ = std::move(name);
    };
  }
  LifeWithMoment(const LifeWithMoment&) = delete;
  LifeWithMoment& operator=(const LifeWithMoment&) = delete;
  ~LifeWithMoment() { world_.disk->before_call = nullptr; }

  /// The world as it was then, and the name of the call.
  [[nodiscard]] World& kept() { return *kept_; }
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  World& world_;
  CallNames names_;
  std::uint64_t seen_ = 0;
  std::optional<World> kept_;
  std::string place_;

 public:
  BrokerLife life;
};

class CrashPoints {
 public:
  explicit CrashPoints(std::uint64_t seed) : random_{seed} {}

  /// A few working lives on one disk, cut at every call of each; between them a clean stop, or a cut that leaves things behind.
  void run(bool honest_disk = true) {
    World world;
    world.disk = std::make_shared<MemoryDisk>(random_());
    if (!honest_disk) world.disk->pretend_to_sync();
    if (random_() % 3 != 0) world.disk->limit_space((5 + random_() % 4) * 8192 + random_() % 8192);  // full now and then
    for (int lives = 0; lives < 6; ++lives) {
      std::optional<World> next = one_life(world, lives % 3 == 2);
      if (!next) continue;
      world = *std::move(next);
      world.disk->cut(some_survivors());
    }
    confirmed_ = world.witness.confirmed_sends();
  }

  [[nodiscard]] std::uint64_t points() const { return points_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& cuts() const { return cuts_; }

 private:
  Survivors some_survivors() { return testing::all_survivor_variants[random_() % std::size(testing::all_survivor_variants)]; }

  /// Nothing after a clean stop, else the world at some moment of this life.
  std::optional<World> one_life(World& world, bool clean) {
    BrokerLife life{world, random_()};
    CallNames names;
    std::optional<World> some_moment;
    std::uint64_t seen = 0;
    world.disk->before_call = [&](const DiskCall& call) {
      ++cuts_[names.name(life.phase(), call)];
      ++calls_;
      for (const auto survivors : testing::all_survivor_variants) cut_here(world, survivors);
      // What is in doubt at a sync leaves the most behind.
      const std::uint64_t weight = call.kind == DiskCall::Kind::sync_folder ? 8 : call.kind == DiskCall::Kind::sync ? 3 : 1;
      seen += weight;
      if (random_() % seen < weight) some_moment = world.copy(random_());
    };
    if (life.recover()) {
      static_cast<void>(life.begin());
      for (auto turns = random_() % 5 == 0 ? 0 : 18; turns > 0; --turns) life.turn();
      if (clean) life.stop();
    } else {
      world.disk->limit_space(UINT64_MAX);
    }
    world.disk->before_call = nullptr;
    if (clean) some_moment.reset();
    return some_moment;
  }

  void cut_here(const World& world, Survivors survivors) {
    ++points_;
    World first_world = world.copy(random_());
    first_world.disk->cut(survivors);
    LifeWithMoment first{first_world, random_};
    const bool started = first.life.recover();
    ++cuts_[first.place()];

    World& second_world = first.kept();
    second_world.disk->cut(some_survivors());
    LifeWithMoment second{second_world, random_};
    if (!second.life.recover()) return;
    if (started && second.life.recovered_dump() != first.life.recovered_dump()) {
      throw std::runtime_error("a recovery that was cut short led to another state:\n" + second.life.recovered_dump() +
                               "--- expected\n" + first.life.recovered_dump());
    }
    static_cast<void>(second.life.begin());
    for (int turns = 0; turns < 3; ++turns) second.life.turn();
    ++cuts_[second.place()];

    World& third_world = second.kept();
    third_world.disk->cut(some_survivors());
    static_cast<void>(BrokerLife{third_world, random_()}.recover());
  }

  std::mt19937_64 random_;
  std::map<std::string, std::uint64_t> cuts_;  // by call site
  std::uint64_t points_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t confirmed_ = 0;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_confirmed_survives_a_power_cut_at_any_storage_call) {
  const auto wanted = from_environment("REMUDA_CRASH_POINTS", 20'000);
  std::uint64_t points = 0;
  std::uint64_t calls = 0;
  std::uint64_t confirmed = 0;
  std::map<std::string, std::uint64_t> reached;
  const auto all_reached = [&] {
    return std::all_of(call_sites.begin(), call_sites.end(), [&](const auto& site) { return reached.contains(site); });
  };
  // A seed more, now and then, for a site that none has come to yet: but not for ever.
  for (auto seed = from_environment("REMUDA_CRASH_SEED", 1); points < wanted || (!all_reached() && points < wanted + 80'000);
       ++seed) {
    CrashPoints crash_points{seed};
    try {
      crash_points.run();
    } catch (const std::exception& failure) {
      BOOST_FAIL("REMUDA_CRASH_SEED=" << seed << ": " << failure.what());
    }
    points += crash_points.points();
    calls += crash_points.calls();
    confirmed += crash_points.confirmed();
    for (const auto& [site, count] : crash_points.cuts()) reached[site] += count;
  }
  std::size_t hit = 0;
  for (const auto& site : call_sites) {
    BOOST_TEST(reached.contains(site), "not reached: " << site);
    hit += reached.contains(site) ? 1 : 0;
  }
  for (const auto& [site, count] : reached) BOOST_TEST(call_sites.contains(site), "not in the list of call sites: " << site);
  std::cout << points << " crash points: " << calls << " storage calls, each with " << std::size(testing::all_survivor_variants)
            << " variants of what the disk kept; as many cuts in recovery, and in the life after it\n"
            << hit << " of " << call_sites.size() << " call sites hit\n"
            << confirmed << " confirmed messages: 0 lost, 0 invented, 0 back after their delete\n";
}

/// Shows that the checks can fail.
BOOST_AUTO_TEST_CASE(a_disk_that_only_pretends_to_sync_is_found_out) {
  BOOST_CHECK_THROW(CrashPoints{1}.run(false), std::runtime_error);
}

}  // namespace remuda::broker::test
