#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t source_max_bytes = 128;
constexpr std::size_t value_max_bytes = 64 * 1024;
constexpr std::size_t sources_max = 10'000;
}  // namespace

Progress QueueEngine::progress(std::string_view source) const {
  const auto found = state_.progress().find(source);
  return found == state_.progress().end() ? Progress{} : found->second;
}

QueueEngine::Refusal QueueEngine::decide(const KeepProgress& step, Turn&) {
  if (step.source.empty() || step.source.size() > source_max_bytes)
    return Error{"invalid_argument", "the name of a source has 1 to 128 bytes", true};
  if (step.value.size() > value_max_bytes)
    return Error{"invalid_argument", "what is kept of a source's progress has at most 64 KiB", true};
  const auto found = state_.progress().find(step.source);
  const std::uint64_t version = found == state_.progress().end() ? 0 : found->second.version;
  if (version != step.after) {
    return Error{"progress_moved",
                 "the progress of " + std::string{step.source} + " is at version " + std::to_string(version) + " and not at " +
                     std::to_string(step.after) + ": somebody else has carried on; ask for it again",
                 true};
  }
  if (version == 0 && state_.progress().size() >= sources_max)
    return Error{"too_many_sources", "this broker keeps the progress of 10,000 sources, its maximum", true};
  put_progress_kept(record_, step.source, version + 1, step.value);
  sync_ = true;
  return std::nullopt;
}

}  // namespace remuda::broker
