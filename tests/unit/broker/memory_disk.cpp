#include "memory_disk.hpp"

#include <algorithm>
#include <cerrno>

namespace remuda::broker::testing {
namespace {

constexpr std::size_t sector_size = 512;

Failure<Errno> failure(int error) {
  return {Errno{error}};
}
/// Only a write can be short: of another call it is an error.
Failure<Errno> failure(Errno planned) {
  return {planned.value == MemoryDisk::short_write ? Errno{EIO} : planned};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Survivors survivors) {
  switch (survivors) {
    case Survivors::none:
      return out << "none";
    case Survivors::all:
      return out << "all";
    case Survivors::prefix:
      return out << "prefix";
    case Survivors::random_subset:
      return out << "random subset";
    case Survivors::torn_last:
      return out << "torn last";
    case Survivors::torn_at_sector:
      return out << "torn at sector";
    case Survivors::random_sectors:
      return out << "random sectors";
    case Survivors::reordered:
      return out << "reordered";
  }
  return out << "?";
}

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Inode> inode) : disk_{disk}, inode_{std::move(inode)} {}
  ~MemoryFile() override {
    if (holds_lock_) inode_->locked = false;
  }

  Io<std::size_t> write(std::uint64_t offset, std::string_view bytes) override {
    const Watching watching;
    const bool zeros = bytes.find_first_not_of('\0') == std::string_view::npos;
    if (const auto error = disk_.next_call({DiskCall::Kind::write, disk_.name_of(*inode_), {}, zeros})) {
      if (error->value != MemoryDisk::short_write) return failure(error->value);
      bytes = bytes.substr(0, (bytes.size() + 1) / 2);
    }
    MemoryDisk::Change change{offset, std::string{bytes}};
    if (offset + bytes.size() > inode_->now.size() && disk_.used_space() + bytes.size() > disk_.space_) return failure(ENOSPC);
    MemoryDisk::apply(change, inode_->now);
    inode_->unsynced.push_back(std::move(change));
    return bytes.size();
  }
  Io<std::size_t> read(std::uint64_t offset, std::span<char> into) const override {
    if (const auto error = disk_.next_look()) return failure(*error);
    if (offset >= inode_->now.size()) return std::size_t{0};
    return inode_->now.copy(into.data(), into.size(), offset);
  }
  Io<Unit> sync() override {
    const Watching watching;
    if (const auto error = disk_.next_call({DiskCall::Kind::sync, disk_.name_of(*inode_), {}, false})) return failure(*error);
    if (disk_.fail_next_sync_) {
      disk_.fail_next_sync_ = false;
      inode_->unsynced
          .clear();  // shown by every later read, never written: ATC'20, "Can Applications Recover from fsync Failures?"
      return failure(EIO);
    }
    if (disk_.pretends_to_sync_) return Unit{};
    for (const auto& change : inode_->unsynced) MemoryDisk::apply(change, inode_->durable);
    inode_->unsynced.clear();
    return Unit{};
  }
  Io<Unit> allocate(std::uint64_t size) override {
    const Watching watching;
    if (const auto error = disk_.next_call({DiskCall::Kind::allocate, disk_.name_of(*inode_), {}, false})) return failure(*error);
    if (size <= inode_->now.size()) return Unit{};
    if (disk_.used_space() + (size - inode_->now.size()) > disk_.space_) return failure(ENOSPC);
    MemoryDisk::Change growth{size, {}};
    MemoryDisk::apply(growth, inode_->now);
    inode_->unsynced.push_back(std::move(growth));
    return Unit{};
  }
  Io<std::uint64_t> size() const override {
    if (const auto error = disk_.next_look()) return failure(*error);
    return std::uint64_t{inode_->now.size()};
  }
  Io<std::string_view> map(std::uint64_t size) override {
    if (const auto error = disk_.next_look()) return failure(*error);
    return std::string_view{inode_->now}.substr(0, size);
  }
  void drop_mapped() override { ++disk_.mappings_dropped_; }
  Io<Unit> lock() override {
    if (const auto error = disk_.next_look()) return failure(*error);
    if (inode_->locked) return failure(EWOULDBLOCK);
    inode_->locked = holds_lock_ = true;
    return Unit{};
  }

 private:
  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Inode> inode_;
  bool holds_lock_ = false;
};

std::optional<Errno> MemoryDisk::next_call(const DiskCall& call) {
  ++calls_;
  if (before_call) before_call(call);
  if (cable_is_pulled()) return Errno{EIO};
  if (const auto planned = failing_calls_.find(calls_); planned != failing_calls_.end()) return Errno{planned->second};
  if (failing_from_ && calls_ >= failing_from_->first) return Errno{failing_from_->second};
  return std::nullopt;
}

std::optional<Errno> MemoryDisk::next_look() const {
  if (!InProduct::runs()) return std::nullopt;
  ++looks_;
  if (!failing_look_ || looks_ < failing_look_->at) return std::nullopt;
  if (looks_ > failing_look_->at && !failing_look_->for_ever) return std::nullopt;
  return Errno{failing_look_->error};
}

void MemoryDisk::apply(const Change& change, std::string& to) {
  const auto end = change.offset + change.bytes.size();
  if (to.size() < end) to.resize(end, '\0');
  to.replace(change.offset, change.bytes.size(), change.bytes);
}

std::string MemoryDisk::name_of(const Inode& inode) const {
  for (const auto& [name, named] : now_) {
    if (named.get() == &inode) return name;
  }
  return "a removed file";
}

std::unique_ptr<MemoryDisk> MemoryDisk::copy(std::uint64_t seed) const {
  auto result = std::make_unique<MemoryDisk>(seed);
  std::map<const Inode*, std::shared_ptr<Inode>> copies;
  const auto copied = [&](const Names& names) {
    Names out;
    for (const auto& [name, inode] : names) {
      std::shared_ptr<Inode>& same = inode ? copies[inode.get()] : copies[nullptr];
      if (inode && !same) result->inodes_.push_back(same = std::make_shared<Inode>(*inode));
      out.emplace(name, same);
    }
    return out;
  };
  result->now_ = copied(now_);
  result->durable_ = copied(durable_);
  for (const auto& change : unsynced_names_) result->unsynced_names_.push_back(copied(change));
  result->space_ = space_;
  return result;
}

template <class T>
void MemoryDisk::shuffle(std::vector<T>& list) {  // std::shuffle may differ between libraries, and a seed must replay
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[random_() % i]);
}

void MemoryDisk::cut(Inode& inode, Survivors survivors) {
  auto& changes = inode.unsynced;
  if (survivors == Survivors::reordered) {
    shuffle(changes);
    survivors = Survivors::prefix;
  }
  const auto chance = [&] { return (random_() & 1U) != 0; };
  const std::size_t prefix = changes.empty() ? 0 : random_() % (changes.size() + 1);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    switch (survivors) {
      case Survivors::none:
        break;
      case Survivors::all:
        apply(changes[i], inode.durable);
        break;
      case Survivors::prefix:
        if (i < prefix) apply(changes[i], inode.durable);
        break;
      case Survivors::random_subset:
        if (chance()) apply(changes[i], inode.durable);
        break;
      case Survivors::torn_last:
      case Survivors::torn_at_sector:
        if (i + 1 == changes.size() && !changes[i].bytes.empty()) {
          const std::size_t kept = random_() % changes[i].bytes.size();
          changes[i].bytes.resize(survivors == Survivors::torn_last ? kept : kept / sector_size * sector_size);
          if (changes[i].bytes.empty()) break;
        }
        apply(changes[i], inode.durable);
        break;
      case Survivors::random_sectors:
        if (changes[i].bytes.empty()) {
          apply(changes[i], inode.durable);
          break;
        }
        for (std::size_t at = 0; at < changes[i].bytes.size();) {
          const auto absolute = changes[i].offset + at;
          const auto piece = std::min(changes[i].bytes.size() - at, sector_size - absolute % sector_size);
          if (chance()) apply({absolute, changes[i].bytes.substr(at, piece)}, inode.durable);
          at += piece;
        }
        break;
      case Survivors::reordered:
        break;  // a prefix by now
    }
  }
  changes.clear();
  inode.now = inode.durable;
  inode.locked = false;
}

void MemoryDisk::cut(Survivors survivors) {
  for (const auto& inode : inodes_) cut(*inode, survivors);
  if (survivors == Survivors::reordered) {
    shuffle(unsynced_names_);
    survivors = Survivors::prefix;
  }
  std::size_t kept = unsynced_names_.size();
  if (survivors == Survivors::none) kept = 0;
  if (survivors == Survivors::prefix && kept > 0) kept = random_() % (kept + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    const bool by_chance = survivors == Survivors::random_subset || survivors == Survivors::random_sectors;
    if (by_chance && (random_() & 1U) == 0) continue;
    for (const auto& [name, inode] : unsynced_names_[i]) inode ? void(durable_[name] = inode) : void(durable_.erase(name));
  }
  unsynced_names_.clear();
  now_ = durable_;
  cable_pulled_at_ = 0;
  failing_calls_.clear();
  failing_from_.reset();
  failing_look_.reset();
  fail_next_sync_ = false;
}

std::uint64_t MemoryDisk::used_space() const {
  std::uint64_t sum = 0;
  for (const auto& [name, inode] : now_) sum += inode->now.size();
  return sum;
}

std::string MemoryDisk::contents(const std::string& name) const {
  return now_.at(name)->now;
}

void MemoryDisk::set_contents(const std::string& name, std::string bytes) {
  auto& inode = now_[name];
  if (!inode) inodes_.push_back(inode = std::make_shared<Inode>());
  inode->unsynced.clear();
  inode->now = inode->durable = std::move(bytes);
  durable_[name] = inode;
}

void MemoryDisk::flip_bit(const std::string& name, std::uint64_t offset, unsigned bit) {
  auto bytes = contents(name);
  bytes.at(offset) = static_cast<char>(static_cast<unsigned char>(bytes.at(offset)) ^ (1U << bit));
  set_contents(name, std::move(bytes));
}

void MemoryDisk::remove_durably(const std::string& name) {
  now_.erase(name);
  durable_.erase(name);
}

std::vector<std::string> MemoryDisk::names() const {
  std::vector<std::string> result;
  for (const auto& [name, inode] : now_) result.push_back(name);
  return result;
}

void MemoryDisk::change_names(NameChange change) {
  for (const auto& [name, inode] : change) inode ? void(now_[name] = inode) : void(now_.erase(name));
  unsynced_names_.push_back(std::move(change));
}

Io<std::unique_ptr<File>> MemoryDisk::open(const std::string& name, OpenMode mode) {
  if (const auto error = next_look()) return failure(*error);
  const Watching watching;
  const auto found = now_.find(name);
  const bool creates = mode == OpenMode::create || mode == OpenMode::create_exclusive;
  if (found != now_.end()) {
    if (mode == OpenMode::create_exclusive) return failure(EEXIST);
    return std::unique_ptr<File>{std::make_unique<MemoryFile>(*this, found->second)};
  }
  if (!creates) return failure(ENOENT);
  if (const auto error = next_call({DiskCall::Kind::create, name, {}, false})) return failure(*error);
  auto inode = std::make_shared<Inode>();
  inodes_.push_back(inode);
  change_names({{name, inode}});
  return std::unique_ptr<File>{std::make_unique<MemoryFile>(*this, inode)};
}

Io<Unit> MemoryDisk::rename(const std::string& from, const std::string& to) {
  const Watching watching;
  if (const auto error = next_call({DiskCall::Kind::rename, from, to, false})) return failure(*error);
  const auto found = now_.find(from);
  if (found == now_.end()) return failure(ENOENT);
  change_names({{from, nullptr}, {to, found->second}});
  return Unit{};
}

Io<Unit> MemoryDisk::remove(const std::string& name) {
  const Watching watching;
  if (const auto error = next_call({DiskCall::Kind::remove, name, {}, false})) return failure(*error);
  if (!now_.contains(name)) return failure(ENOENT);
  change_names({{name, nullptr}});
  return Unit{};
}

Io<Unit> MemoryDisk::sync() {
  const Watching watching;
  if (const auto error = next_call({DiskCall::Kind::sync_folder, {}, {}, false})) return failure(*error);
  durable_ = now_;
  unsynced_names_.clear();
  return Unit{};
}

Io<std::vector<std::string>> MemoryDisk::list() const {
  if (const auto error = next_look()) return failure(*error);
  const Watching watching;
  return names();
}

}  // namespace remuda::broker::testing
