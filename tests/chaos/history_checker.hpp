#pragma once
// Reads what all clients of a chaos run wrote down and says whether a queue node that keeps its promises can have told them that.
// It never asks the broker: the last history is that of a client which drained everything. Sorting once, otherwise linear. The
// invariants are those of RELIABILITY §5.1.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/chaos/history.hpp"

namespace remuda::chaos {

struct Verdict {
  std::uint64_t asked = 0;      ///< messages, each queue counted
  std::uint64_t confirmed = 0;  ///< of these
  std::uint64_t deliveries = 0;
  std::uint64_t redeliveries = 0;
  std::uint64_t deletes = 0;        ///< confirmed
  std::uint64_t stale_handles = 0;  ///< deletes that were refused
  std::uint64_t dead_letters = 0;
  std::uint64_t groups = 0;
  std::map<std::string, std::uint64_t> violations;  ///< by invariant
  std::vector<std::string> stories;                 ///< of the first few

  [[nodiscard]] std::uint64_t count(const std::string& invariant) const {
    const auto found = violations.find(invariant);
    return found == violations.end() ? 0 : found->second;
  }
};

/// `entries` of all histories of one run, in any order; they are sorted in place.
[[nodiscard]] Verdict check_history(std::vector<Entry>& entries);

}  // namespace remuda::chaos
