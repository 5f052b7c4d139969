#include "broker/journal/unreadable_pages.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>

namespace remuda::broker {
namespace {

constexpr std::uintptr_t page_size = 4096;

struct Mapping {
  std::atomic<std::uintptr_t> begin{0};  // 0: free
  std::atomic<std::uintptr_t> end{0};
};
// Fixed, because a signal handler may neither allocate nor lock. Memory that was never written to costs nothing.
std::array<Mapping, 65'536> mappings;
std::atomic<std::size_t> mappings_used{0};  // none is in use at or behind this
std::mutex mappings_change;

bool is_ours(std::uintptr_t address) {
  const std::size_t used = mappings_used;
  for (std::size_t i = 0; i < used; ++i) {
    const std::uintptr_t begin = mappings[i].begin;
    if (begin != 0 && begin <= address && address < mappings[i].end) return true;
  }
  return false;
}

void on_bus_error(int, siginfo_t* info, void*) {
  const int before = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  void* const page = reinterpret_cast<void*>(address / page_size * page_size);  // NOLINT(performance-no-int-to-ptr): an address
  const bool shown = is_ours(address) && ::mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
  if (!shown) ::signal(SIGBUS, SIG_DFL);  // and the same access ends the process
  errno = before;
}

void install_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

void show_unreadable_pages_as_zeros(void* begin, std::size_t size) {
  install_handler();
  const std::lock_guard lock{mappings_change};
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    if (mappings[i].begin != 0) continue;
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    mappings[i].end = address + size;
    mappings[i].begin = address;
    if (i >= mappings_used) mappings_used = i + 1;
    return;
  }
}

void forget_unreadable_pages(void* begin) {
  const std::lock_guard lock{mappings_change};
  const std::size_t used = mappings_used;
  for (std::size_t i = 0; i < used; ++i) {
    if (mappings[i].begin == reinterpret_cast<std::uintptr_t>(begin)) mappings[i].begin = 0;
  }
}

}  // namespace remuda::broker
