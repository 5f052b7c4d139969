#pragma once
// What `remuda doctor` thinks of a machine. Judging is pure: measurements in, findings out; measuring is in the verb.

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::cli {

struct Finding {
  enum class Verdict {
    good,     ///< nothing to do
    warning,  ///< it works, and something is worse than it need be
    problem,  ///< something will not work
  };
  std::string about;  ///< one word: versions, programs, ports, limits, clock, keys, tokens, disk, runtime
  Verdict verdict = Verdict::good;
  std::string what;    ///< a sentence for somebody who has never heard of it
  std::string remedy;  ///< what to do; empty when there is nothing to do
  friend bool operator==(const Finding&, const Finding&) = default;
};
std::ostream& operator<<(std::ostream& out, Finding::Verdict verdict);
std::string_view name_of(Finding::Verdict verdict);

/// Descriptors that a process may open now, and may ask for at most.
Finding judge_descriptors(std::uint64_t soft, std::uint64_t hard);
/// Whether somebody corrects this machine's clock, and how wrong it may be.
Finding judge_clock(bool synchronised, std::chrono::microseconds error_max);

struct DiskFacts {
  std::string folder;
  std::string trouble;  ///< why nothing can be written there; empty: it can
  std::uint64_t free_bytes = 0;
  bool in_memory = false;
  std::chrono::microseconds sync{0};  ///< the median of a few small synced writes
};
Finding judge_disk(const DiskFacts& facts);

/// One endpoint that a queue node is to listen on; `trouble` empty: it is free.
Finding judge_port(const std::string& endpoint, const std::string& trouble);

}  // namespace remuda::cli
