// Loaded before a program's libraries (LD_PRELOAD), counts its durable writes (fdatasync, fsync) and what it sends (send), and kills it at one of them,
// before or after it. Which one is written into the file that KILL_AT_CALL names, mapped into memory, by whoever watches: it may wait until
// the program is ready. Nothing of the program is changed.

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

enum Kind : std::int64_t { sync_call = 0, send_call = 1 };

struct Control {
  std::atomic<std::int64_t> calls[2];  ///< by kind, so far, in all lives
  std::atomic<std::int64_t> kind;      ///< of the call to die at
  std::atomic<std::int64_t> kill_at;   ///< its number; 0: none; -1: it has died
  std::atomic<std::int64_t> after;     ///< 1: once it is done
};

Control* control() {
  static Control* const mapped = []() -> Control* {
    const char* name = std::getenv("KILL_AT_CALL");
    const int file = name == nullptr ? -1 : open(name, O_RDWR | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? nullptr : static_cast<Control*>(memory);
  }();
  return mapped;
}

void die() {
  kill(getpid(), SIGKILL);
}

/// Counts a call of this kind and makes it, unless it is the one to die before.
template <class Call>
auto counted(Kind kind, const Call& call) {
  Control* const shared = control();
  if (shared == nullptr) return call();
  const bool is_last = ++shared->calls[kind] == shared->kill_at && shared->kind == kind;
  if (is_last) shared->kill_at = -1;  // once: its next life goes on
  if (is_last && shared->after == 0) die();
  const auto result = call();
  if (is_last) die();
  return result;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int fdatasync(int file) {
  static auto* const call = real<int(int)>("fdatasync");
  return counted(sync_call, [&] { return call(file); });
}
extern "C" int fsync(int file) {
  static auto* const call = real<int(int)>("fsync");
  return counted(sync_call, [&] { return call(file); });
}
extern "C" ssize_t send(int socket, const void* bytes, size_t size, int flags) {
  static auto* const call = real<ssize_t(int, const void*, size_t, int)>("send");
  return counted(send_call, [&] { return call(socket, bytes, size, flags); });
}
