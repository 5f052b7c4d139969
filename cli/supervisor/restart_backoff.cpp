#include "cli/supervisor/restart_backoff.hpp"

#include <algorithm>

namespace remuda::supervisor {

std::optional<std::chrono::milliseconds> RestartBackoff::after_failure(Instant now, Duration healthy_for) {
  if (healthy_for >= healthy_after) doublings_ = 0;
  while (!failures_.empty() && now - failures_.front() >= policy_.window) failures_.pop_front();
  failures_.push_back(now);
  if (recent_failures() > policy_.max_restarts) return std::nullopt;

  std::chrono::milliseconds delay = std::min(policy_.delay, policy_.max_delay);
  for (int i = 0; i < doublings_ && delay < policy_.max_delay; ++i) delay = std::min(delay * 2, policy_.max_delay);
  if (delay < policy_.max_delay) ++doublings_;
  const auto shaved = std::uniform_int_distribution<std::chrono::milliseconds::rep>{0, delay.count() / 4}(random_);
  return delay - std::chrono::milliseconds{shaved};
}

void RestartBackoff::reset() {
  failures_.clear();
  doublings_ = 0;
}

}  // namespace remuda::supervisor
