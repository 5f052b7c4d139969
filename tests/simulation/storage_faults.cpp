// Every storage call and every allocation of a working queue node fails, once and for ever (RELIABILITY A3). Asked each time: the node
// goes on, refuses what it cannot do, or ends with an error that says why; it confirms nothing after that; and when the machine comes
// back, all that was confirmed is there.
//
//   REMUDA_FAULT_SEEDS=n         how many different loads (default 2; 50 for a night)

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>

#include "tests/simulation/broker_life.hpp"
#include "tests/simulation/call_sites.hpp"

namespace {

/// What operator new is to do, in the threads that run the product; or in all but the first, whatever runs there.
struct FailingAllocations {
  std::atomic<bool> armed{false};
  std::atomic<bool> of_helpers{false};
  std::atomic<std::uint64_t> seen{0};
  std::atomic<std::uint64_t> failing{0};  // 0: none
  std::atomic<bool> for_ever{false};
  std::atomic<std::uint64_t> failed{0};

  bool fails() {
    if (!armed) return false;
    if (of_helpers ? in_first_thread : !remuda::broker::testing::InProduct::runs()) return false;
    const auto number = ++seen;
    const bool does = failing != 0 && (for_ever ? number >= failing : number == failing);
    if (does) ++failed;
    return does;
  }
  inline static thread_local bool in_first_thread = false;
};
FailingAllocations allocations;

void* allocate(std::size_t size) {
  if (allocations.fails()) throw std::bad_alloc{};
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace remuda::broker::test {
namespace {

using testing::DiskCall;
using testing::MemoryDisk;
using testing::Survivors;

enum class Ending : std::uint8_t { served, refused_start, poisoned, out_of_memory };
constexpr std::array<const char*, 4> ending_names{"served on", "start refused", "ended", "out of memory"};

/// A disk at the beginning of a life, and the seed of that life.
struct Beginning {
  World world;
  std::uint64_t seed = 0;
  int turns = 0;
};

/// A node is started, serves a few turns and is stopped. Throws std::runtime_error when a promise is broken.
Ending live(World& world, std::uint64_t seed, int turns, const std::function<void(BrokerLife&)>& watch = {}) {
  BrokerLife life{world, seed};
  if (watch) watch(life);
  try {
    if (!life.recover()) return Ending::refused_start;
    if (!life.begin()) return Ending::served;  // no room for a queue: it said so
    for (int turn = 0; turn < turns; ++turn) life.turn();
    life.stop();
    return Ending::served;
  } catch (const Stopped& stopped) {
    const bool at_start = life.phase() == BrokerLife::Phase::start;
    const auto& code = stopped.error.code;
    const bool typed =
        at_start ? code == "storage_failed" || code == "storage_full" || code == "no_memory" : code == "journal_poisoned";
    if (!typed) throw std::runtime_error("an error of no type that belongs here: " + code + ": " + stopped.what());
    return at_start ? Ending::refused_start : Ending::poisoned;
  } catch (const std::bad_alloc&) {
    return Ending::out_of_memory;
  }
}

/// The machine comes back without the fault: nothing confirmed is missing, and it serves.
void come_back(World& world, std::uint64_t seed) {
  world.disk->before_call = nullptr;
  world.disk->cut(testing::all_survivor_variants[seed % std::size(testing::all_survivor_variants)]);
  if (live(world, seed, 2) != Ending::served) throw std::runtime_error("it does not serve when the fault is gone");
}

/// An empty disk; one whose node was killed in the middle; one whose node was stopped.
std::vector<Beginning> beginnings(std::uint64_t seed) {
  std::vector<Beginning> result;
  World world;
  world.disk = std::make_shared<MemoryDisk>(seed);
  result.push_back({world.copy(seed), seed, 14});
  {
    BrokerLife life{world, seed};
    if (!life.recover() || !life.begin()) throw std::runtime_error("a sound disk is refused");
    for (int turn = 0; turn < 14; ++turn) life.turn();
  }
  world.disk->cut(Survivors::random_sectors);
  result.push_back({world.copy(seed + 1), seed + 1, 8});
  static_cast<void>(live(world, seed + 2, 6));
  result.push_back({world.copy(seed + 2), seed + 3, 8});
  return result;
}

std::uint64_t seeds() {
  const char* text = std::getenv("REMUDA_FAULT_SEEDS");
  return text == nullptr ? 2 : std::strtoull(text, nullptr, 10);
}

class Endings {
 public:
  void add(Ending ending) { ++counts_[static_cast<std::size_t>(ending)]; }
  friend std::ostream& operator<<(std::ostream& out, const Endings& endings) {
    const char* between = "";
    for (std::size_t i = 0; i < ending_names.size(); ++i) {
      if (endings.counts_[i] == 0) continue;
      out << between << ending_names[i] << ' ' << endings.counts_[i];
      between = ", ";
    }
    return out;
  }

 private:
  std::array<std::uint64_t, ending_names.size()> counts_{};
};

std::string_view name_of(int error) {
  switch (error) {
    case EIO:
      return "EIO";
    case ENOSPC:
      return "ENOSPC";
    case EINTR:
      return "EINTR";
    case EROFS:
      return "EROFS";
    case EMFILE:
      return "EMFILE";
    default:
      return "short write";
  }
}
constexpr int errors[] = {EIO, ENOSPC, EINTR, EROFS, EMFILE, MemoryDisk::short_write};

}  // namespace

BOOST_AUTO_TEST_CASE(every_storage_call_fails_once_and_for_ever) {
  std::uint64_t calls = 0;
  std::uint64_t lives = 0;
  Endings endings;
  std::map<std::string, std::uint64_t> failed;  // by call site
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    for (const auto& [world, life_seed, turns] : beginnings(seed * 100)) {
      World healthy = world.copy(seed);
      const auto before = healthy.disk->calls();
      CallNames names;
      std::vector<std::string> sites;
      const auto ending = live(healthy, life_seed, turns, [&](BrokerLife& life) {
        healthy.disk->before_call = [&](const DiskCall& call) { sites.push_back(names.name(life.phase(), call)); };
      });
      BOOST_REQUIRE(ending == Ending::served);
      const auto count = healthy.disk->calls() - before;
      calls += count;
      for (const int error : errors) {
        for (const bool for_ever : {false, true}) {
          for (std::uint64_t call = 1; call <= count; ++call) {
            World failing = world.copy(call);
            for_ever ? failing.disk->fail_calls_from(call, error) : failing.disk->fail_call(call, error);
            try {
              endings.add(live(failing, life_seed, turns));
              come_back(failing, life_seed + call);
            } catch (const std::exception& broken) {
              BOOST_FAIL("seed " << seed << ", call " << call << " (" << sites.at(call - 1) << ") fails with " << name_of(error)
                                 << (for_ever ? " for ever: " : " once: ") << broken.what());
            }
            ++lives;
            ++failed[sites.at(call - 1)];
          }
        }
      }
    }
  }
  for (const auto& [site, count] : failed) BOOST_TEST(call_sites.contains(site), site);
  std::cout << calls << " storage calls at " << failed.size() << " call sites, each failed with " << std::size(errors)
            << " errors, once and for ever: " << lives << " lives: " << endings << "; 0 confirmed messages lost\n";
  BOOST_TEST(failed.size() >= 45U);
}

BOOST_AUTO_TEST_CASE(every_call_that_only_looks_at_the_disk_fails_once_and_for_ever) {
  std::uint64_t lives = 0;
  Endings endings;
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    for (const auto& [world, life_seed, turns] : beginnings(seed * 100)) {
      World healthy = world.copy(seed);
      BOOST_REQUIRE(live(healthy, life_seed, turns) == Ending::served);
      for (const int error : {EIO, EMFILE, EINTR}) {
        for (const bool for_ever : {false, true}) {
          for (std::uint64_t look = 1; look <= healthy.disk->looks(); ++look) {
            World failing = world.copy(look);
            failing.disk->fail_look(look, error, for_ever);
            try {
              endings.add(live(failing, life_seed, turns));
              come_back(failing, life_seed + look);
            } catch (const std::exception& broken) {
              BOOST_FAIL("seed " << seed << ", look " << look << " fails with " << name_of(error)
                                 << (for_ever ? " for ever: " : " once: ") << broken.what());
            }
            ++lives;
          }
        }
      }
    }
  }
  std::cout << "open, size, read, map, list and lock failed with 3 errors, once and for ever: " << lives << " lives: " << endings
            << "; 0 confirmed messages lost\n";
  BOOST_TEST(lives > 500U);
}

BOOST_AUTO_TEST_CASE(every_allocation_fails_once_and_for_ever) {
  std::uint64_t count = 0;
  Endings endings;
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    for (auto& [world, life_seed, turns] : beginnings(seed * 100)) {
      for (const bool for_ever : {false, true}) {
        for (std::uint64_t number = 1;; ++number) {
          World failing = world.copy(number);
          allocations.seen = 0;
          allocations.failed = 0;
          allocations.failing = number;
          allocations.for_ever = for_ever;
          allocations.armed = true;
          std::optional<Ending> ending;
          std::string broken;
          try {
            ending = live(failing, life_seed, turns / 2);
          } catch (const std::exception& failure) {
            broken = failure.what();
          }
          allocations.armed = false;
          const bool beyond_the_last = allocations.failed == 0;
          try {
            if (ending) come_back(failing, life_seed + number);
          } catch (const std::exception& failure) {
            broken = failure.what();
          }
          BOOST_REQUIRE_MESSAGE(broken.empty(),
                                "seed " << seed << ", allocation " << number << (for_ever ? " for ever: " : " once: ") << broken);
          if (beyond_the_last) break;
          BOOST_REQUIRE(ending != Ending::served);  // whoever passes over a failed allocation has lost something
          endings.add(*ending);
          ++count;
        }
      }
    }
  }
  std::cout << count << " failed allocations, once and for ever: " << endings << "; 0 confirmed messages lost\n";
  BOOST_TEST(count > 2'000U);
}

/// The helper thread has nobody who would catch an exception: it must poison the journal, and nobody may wait for it.
BOOST_AUTO_TEST_CASE(a_helper_thread_without_memory_poisons_the_journal) {
  FailingAllocations::in_first_thread = true;
  std::uint64_t poisonings = 0;
  for (std::uint64_t number = 1; number < 60; ++number) {
    std::string path = (std::filesystem::temp_directory_path() / "remuda-faults-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr);
    auto folder = open_folder(path);
    BOOST_REQUIRE(folder.ok());
    JournalOptions options;
    options.segment_size_bytes = 4096;
    Journal journal{**folder, options};
    BOOST_REQUIRE(journal.open({}).ok());
    allocations.seen = 0;
    allocations.failed = 0;
    allocations.failing = number;
    allocations.for_ever = true;
    allocations.of_helpers = true;
    allocations.armed = true;
    bool poisoned = false;
    for (int turn = 0; turn < 100 && !poisoned; ++turn) {
      const std::string operations(300, 'x');
      if (journal.has_room(operations.size())) journal.append(operations, {});
      const auto synced = journal.sync();
      poisoned = !synced;
      if (!synced) BOOST_TEST(synced.error().code == "journal_poisoned");
    }
    allocations.armed = false;
    allocations.of_helpers = false;
    poisonings += poisoned ? 1 : 0;
    BOOST_TEST(poisoned == (journal.state() == StorageState::poisoned));
    std::filesystem::remove_all(path);
  }
  BOOST_TEST(poisonings > 30U);
}

}  // namespace remuda::broker::test
