#include "cli/doctor.hpp"

#include <fmt/format.h>

namespace remuda::cli {

namespace {

using Verdict = Finding::Verdict;
using std::chrono::microseconds;

constexpr std::uint64_t descriptors_least = 256;          // a node with a few dozen links
constexpr std::uint64_t descriptors_comfortable = 4'096;  // a queue node with thousands of clients
constexpr microseconds clock_error_tolerated = std::chrono::milliseconds{500};
constexpr std::uint64_t space_least = std::uint64_t{256} << 20U;      // four segments of a journal
constexpr std::uint64_t space_comfortable = std::uint64_t{2} << 30U;  // a busy day's backlog
constexpr microseconds sync_slow = std::chrono::milliseconds{20};

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(1U << 20U);
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "good";
    case Verdict::warning:
      return "warning";
    case Verdict::problem:
      return "problem";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, Verdict verdict) {
  return out << name_of(verdict);
}

Finding judge_descriptors(std::uint64_t soft, std::uint64_t hard) {
  if (hard < descriptors_least) {
    return {"limits", Verdict::problem,
            fmt::format("a process may open {} files and connections at most, too few for a node with a few links", hard),
            "raise it for this user: a line `USER hard nofile 65536` in /etc/security/limits.conf, then log in again"};
  }
  if (hard < descriptors_comfortable) {
    return {"limits", Verdict::warning,
            fmt::format("a process may open {} files and connections at most; a queue node keeps one for each client", hard),
            "for many clients raise it: a line `USER hard nofile 65536` in /etc/security/limits.conf, then log in again"};
  }
  return {"limits", Verdict::good, fmt::format("a process may open {} files and connections, and ask for up to {}", soft, hard),
          ""};
}

Finding judge_clock(bool synchronised, microseconds error_max) {
  if (!synchronised) {
    return {"clock", Verdict::warning,
            "nobody corrects this machine's clock; times in logs of several hosts and what is kept for days will not agree",
            "start a time service: `timedatectl set-ntp true`, or chrony; on one machine alone it does not matter"};
  }
  if (error_max > clock_error_tolerated) {
    return {"clock", Verdict::warning, fmt::format("the clock may be wrong by {} ms", error_max.count() / 1'000),
            "look at `timedatectl timesync-status` or `chronyc tracking`"};
  }
  return {"clock", Verdict::good, fmt::format("the clock is corrected, and wrong by {} ms at most", error_max.count() / 1'000), ""};
}

Finding judge_disk(const DiskFacts& facts) {
  if (!facts.trouble.empty())
    return {"disk", Verdict::problem, fmt::format("nothing can be kept in {}: {}", facts.folder, facts.trouble),
            "choose another folder with --data"};
  if (facts.free_bytes < space_least) {
    return {"disk", Verdict::problem,
            fmt::format("{} has {:.0f} MiB left; a full disk makes queues refuse new messages", facts.folder,
                        mebibytes(facts.free_bytes)),
            "make room, or choose another folder with --data"};
  }
  if (facts.in_memory) {
    return {"disk", Verdict::warning,
            fmt::format("{} is in memory: what queues keep there is gone after a restart of the machine", facts.folder),
            "choose a folder on a disk with --data, unless that is what you want"};
  }
  if (facts.free_bytes < space_comfortable) {
    return {"disk", Verdict::warning, fmt::format("{} has only {:.0f} MiB left", facts.folder, mebibytes(facts.free_bytes)),
            "make room before it fills up"};
  }
  if (facts.sync > sync_slow) {
    return {"disk", Verdict::warning,
            fmt::format("a synced write in {} takes {} ms; every confirmation of a queue waits for one", facts.folder,
                        facts.sync.count() / 1'000),
            "put the data on a faster disk with --data"};
  }
  return {
      "disk", Verdict::good,
      fmt::format("{}: {:.0f} MiB left, a synced write takes {} us", facts.folder, mebibytes(facts.free_bytes), facts.sync.count()),
      ""};
}

Finding judge_port(const std::string& endpoint, const std::string& trouble) {
  if (trouble.empty()) return {"ports", Verdict::good, endpoint + " is free", ""};
  return {"ports", Verdict::problem, fmt::format("a queue node could not listen on {}: {}", endpoint, trouble),
          "`remuda ps` shows what of ours runs; else choose another port in `listen`"};
}

}  // namespace remuda::cli
