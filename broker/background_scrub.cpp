#include "broker/background_scrub.hpp"

#include <new>
#include <utility>

namespace remuda::broker {
namespace {

constexpr std::uint64_t step_bytes = 256U << 10U;

}  // namespace

BackgroundScrub::BackgroundScrub(Journal& journal, Pace pace) : journal_{journal}, pace_{pace} {
  if (pace_.bytes_per_second > 0) thread_ = std::thread{[this] { run(); }};
}

BackgroundScrub::~BackgroundScrub() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<DamagedRecord> BackgroundScrub::take() {
  if (!found_any_) return {};
  const std::lock_guard lock{mutex_};
  found_any_ = false;
  return std::exchange(found_, {});
}

void BackgroundScrub::run() {
  const auto pause = std::chrono::microseconds{step_bytes * 1'000'000 / pace_.bytes_per_second};
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    lock.unlock();
    const auto passes = journal_.scrub_passes();
    std::optional<DamagedRecord> damage;
    try {
      damage = journal_.scrub(step_bytes);
    } catch (const std::bad_alloc&) {
      damage.reset();  // the next pass reads it again
    }
    const bool at_the_end = journal_.scrub_passes() > passes;
    lock.lock();
    if (damage && found_.size() < 1'000) {
      found_.push_back(*std::move(damage));
      found_any_ = true;
    }
    stop_.wait_for(lock, at_the_end ? std::chrono::microseconds{pace_.period} : pause, [this] { return stopping_; });
  }
}

}  // namespace remuda::broker
