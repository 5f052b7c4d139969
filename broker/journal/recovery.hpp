#pragma once
// From the files of a folder to the end of the chain: checks, replays, cuts an unfinished tail, makes the rest durable again.
// JOURNAL.md, "Recovery", is the specification.

#include <cstdint>
#include <vector>

#include "broker/journal/format.hpp"
#include "broker/journal/journal.hpp"

namespace remuda::broker {

/// A chain of segments ready to be continued.
struct RecoveredChain {
  struct Segment {
    std::uint32_t number = 0;
    std::uint32_t capacity = 0;
  };
  JournalIdentity identity{};
  std::vector<Segment> segments;  ///< oldest first, never empty
  std::uint64_t position = 0;     ///< where the next record goes in the last one
  bool sealed = false;            ///< the last one takes no more records
  std::uint64_t next_sequence = 1;
  std::vector<std::uint32_t> spares;
  std::vector<std::uint32_t> unindexed;  ///< sealed segments without a usable index
  std::string checkpoint_index;          ///< of the last segment, when it has none yet
  std::uint64_t marked_sequence = 0;     ///< the mark's: what comes after it may be missing without anybody knowing; 0: no mark
  Recovery report;
};

/// Recovers the journal in `folder`, which the caller has locked, or creates an empty one. Errors: as Journal::open().
Result<RecoveredChain> recover_chain(Folder& folder, const JournalOptions& options, const Journal::Replay& replay);

}  // namespace remuda::broker
