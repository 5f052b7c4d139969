// Damage that the scrub has found: told once, in words that name the messages, and counted for `remuda queue info` as long as any of them
// is there. The broker serves on, so that the others can be drained or backed up; the damaged body itself never leaves it.

#include <algorithm>

#include "broker/broker.hpp"
#include "common/log.hpp"

namespace remuda::broker {

namespace {

constexpr std::size_t remembered_max = 1'000;

}  // namespace

void Broker::note_damage(const DamagedRecord& damage) {
  const auto same = [&](const DamagedRecord& known) { return known.segment == damage.segment && known.offset == damage.offset; };
  if (std::any_of(damage_.begin(), damage_.end(), same)) return;  // found again by a later pass
  ++damaged_records_;
  if (damage_.size() < remembered_max) damage_.push_back(damage);
  std::string messages;
  for (const auto& hit : engine_.messages_at(damage.segment, damage.offset, damage.offset + damage.size_bytes)) {
    messages += (messages.empty() ? "" : ", ") + std::to_string(hit.count) + " of " + (hit.is_stream ? "stream " : "queue ") +
                hit.name + " from number " + std::to_string(hit.first) + " on";
  }
  log_error("the disk gives back something else than was stored",
            {{"file", damage.file}, {"offset", damage.offset}, {"messages", messages.empty() ? "none that lives" : messages}});
}

std::map<std::string, std::uint64_t> Broker::damaged_messages() const {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& damage : damage_) {
    for (const auto& hit : engine_.messages_at(damage.segment, damage.offset, damage.offset + damage.size_bytes)) {
      if (!hit.is_stream) counts[hit.name] += hit.count;
    }
  }
  return counts;
}

}  // namespace remuda::broker
