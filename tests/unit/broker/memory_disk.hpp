#pragma once
// A disk in memory that behaves as badly as real ones may: what was not synced can vanish in part and in any order, any call can
// fail, space can run out. Deterministic: same seed, same survivors. Unlike a real one it counts its calls, so that a test can
// cut the power at each of them in turn.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "broker/journal/files.hpp"

namespace remuda::broker::testing {

/// Which unsynced changes survive a power cut.
enum class Survivors : std::uint8_t {
  none,
  all,
  prefix,          ///< the oldest ones
  random_subset,   ///< whole changes, by chance
  torn_last,       ///< all but the end of each file's last write, torn at any byte
  torn_at_sector,  ///< the same, torn at a multiple of 512
  random_sectors,  ///< of every write some sectors, by chance
  reordered,       ///< in another order, and the last of that order are lost
};
inline constexpr Survivors all_survivor_variants[] = {Survivors::none,           Survivors::all,       Survivors::prefix,
                                                      Survivors::random_subset,  Survivors::torn_last, Survivors::torn_at_sector,
                                                      Survivors::random_sectors, Survivors::reordered};
std::ostream& operator<<(std::ostream& out, Survivors survivors);

/// One call that changes something or makes it durable.
struct DiskCall {
  enum class Kind : std::uint8_t { create, write, sync, allocate, rename, remove, sync_folder };
  Kind kind = Kind::write;
  std::string name;    ///< of the file; empty for the folder
  std::string to;      ///< the new name, of a rename
  bool zeros = false;  ///< a write of nothing but zeros
};

/// While one of these lives in a thread, it is the product that runs there: faults are planned for it and not for what watches it.
class InProduct {
 public:
  InProduct() { ++depth_; }
  InProduct(const InProduct&) = delete;
  InProduct& operator=(const InProduct&) = delete;
  ~InProduct() { --depth_; }
  [[nodiscard]] static bool runs() { return depth_ > 0; }

 private:
  friend class Watching;
  inline static thread_local int depth_ = 0;
};
template <class Call>
auto in_product(const Call& call) {
  const InProduct product;
  return call();
}
/// Back from within the product to what watches it.
class Watching {
 public:
  Watching() : before_{std::exchange(InProduct::depth_, 0)} {}
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;
  ~Watching() { InProduct::depth_ = before_; }

 private:
  int before_;
};

class MemoryDisk final : public Folder {
 public:
  explicit MemoryDisk(std::uint64_t seed = 1) : random_{seed} {}
  /// The same files, in the same doubt about what is durable; nothing planned, and another chance.
  [[nodiscard]] std::unique_ptr<MemoryDisk> copy(std::uint64_t seed) const;

  // --- what a test does to it ---

  /// Told of each call before it is carried out.
  std::function<void(const DiskCall&)> before_call;

  /// The machine loses power and comes back: of what was not synced, `survivors` remain. Locks are gone.
  void cut(Survivors survivors);
  /// From call `n` on (counted from 1, from now) every call fails without effect, as if the cable were pulled; until cut().
  void pull_cable_at_call(std::uint64_t n) { cable_pulled_at_ = calls_ + n; }
  /// Call `n` from now fails with `error`, once. For a write EINTR and short_write are harmless by contract.
  void fail_call(std::uint64_t n, int error) { failing_calls_[calls_ + n] = error; }
  static constexpr int short_write = -1;
  /// The same for it and all calls after it, until cut().
  void fail_calls_from(std::uint64_t n, int error) { failing_from_ = {calls_ + n, error}; }
  /// The product's calls that only look (open, size, read, map, list, lock), counted on their own: call `n` from now fails, alone or
  /// with all after it.
  void fail_look(std::uint64_t n, int error, bool for_ever) { failing_look_ = {looks_ + n, error, for_ever}; }
  [[nodiscard]] std::uint64_t looks() const { return looks_; }
  /// The next sync of any file fails with EIO, once; as on Linux, what it should have written is then thought clean.
  void fail_next_sync() { fail_next_sync_ = true; }
  /// Syncs of files answer well and do nothing, as on hardware that lies.
  void pretend_to_sync() { pretends_to_sync_ = true; }
  /// Space for all files together; the default is no limit.
  void limit_space(std::uint64_t bytes) { space_ = bytes; }
  [[nodiscard]] std::uint64_t used_space() const;
  [[nodiscard]] std::uint64_t mappings_dropped() const { return mappings_dropped_; }
  /// Calls that change something or make it durable, so far.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] bool cable_is_pulled() const { return cable_pulled_at_ != 0 && calls_ >= cable_pulled_at_; }

  /// The bytes of a file, for looking at and for damaging; what is done to them is durable.
  [[nodiscard]] std::string contents(const std::string& name) const;
  void set_contents(const std::string& name, std::string bytes);
  void flip_bit(const std::string& name, std::uint64_t offset, unsigned bit = 0);
  void remove_durably(const std::string& name);
  [[nodiscard]] std::vector<std::string> names() const;

  // --- Folder ---
  Io<std::unique_ptr<File>> open(const std::string& name, OpenMode mode) override;
  Io<Unit> rename(const std::string& from, const std::string& to) override;
  Io<Unit> remove(const std::string& name) override;
  Io<Unit> sync() override;
  Io<std::vector<std::string>> list() const override;
  std::string path() const override { return "disk"; }
  std::string warning() const override { return {}; }

 private:
  friend class MemoryFile;
  /// One change of a file: bytes written at an offset, or its growth to a size (bytes empty).
  struct Change {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct Inode {
    std::string now;               // as the kernel shows it
    std::string durable;           // as the disk has it
    std::vector<Change> unsynced;  // oldest first
    bool locked = false;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  /// One change of the folder: each name then stands for that inode, or for nothing.
  using NameChange = Names;

  /// Counts a call; the error it must fail with, if any.
  std::optional<Errno> next_call(const DiskCall& call);
  [[nodiscard]] std::optional<Errno> next_look() const;
  void change_names(NameChange change);
  [[nodiscard]] std::string name_of(const Inode& inode) const;
  static void apply(const Change& change, std::string& to);
  void cut(Inode& inode, Survivors survivors);
  template <class T>
  void shuffle(std::vector<T>& list);

  Names now_;
  Names durable_;
  std::vector<NameChange> unsynced_names_;
  std::vector<std::shared_ptr<Inode>> inodes_;
  std::mt19937_64 random_;
  std::uint64_t calls_ = 0;
  std::uint64_t mappings_dropped_ = 0;
  std::uint64_t cable_pulled_at_ = 0;
  std::map<std::uint64_t, int> failing_calls_;
  std::optional<std::pair<std::uint64_t, int>> failing_from_;
  struct FailingLook {
    std::uint64_t at = 0;
    int error = 0;
    bool for_ever = false;
  };
  mutable std::uint64_t looks_ = 0;
  std::optional<FailingLook> failing_look_;
  bool fail_next_sync_ = false;
  bool pretends_to_sync_ = false;
  std::uint64_t space_ = UINT64_MAX;
};

}  // namespace remuda::broker::testing
