// Hostile bytes as a store: recovery must answer, never crash or hang. What it accepts it must accept again, unchanged, and
// go on appending to. The input is a small program that builds a folder: it starts from nothing or from a real store, then
// plants, patches, cuts, copies and removes files; checksums can be made right again after a patch, for else hardly any
// input would get past them.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "broker/journal/format.hpp"
#include "broker/journal/journal.hpp"
#include "broker/journal/segment_files.hpp"
#include "common/crc32c.hpp"
#include "memory_disk.hpp"

using namespace remuda::broker;
using remuda::broker::testing::MemoryDisk;

namespace {

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_{bytes} {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() { return take(1).empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(last_.front()); }
  std::size_t number() {
    const std::size_t high = byte();
    return high << 8U | byte();
  }
  std::string_view take(std::size_t size) {
    last_ = bytes_.substr(0, size);
    bytes_.remove_prefix(last_.size());
    return last_;
  }

 private:
  std::string_view bytes_;
  std::string_view last_;
};

constexpr JournalIdentity identity{1, 2, 3};

JournalOptions options(bool salvage) {
  JournalOptions result;
  result.segment_size_bytes = 4096;
  result.background = false;
  result.identity = identity;
  result.salvage = salvage;
  return result;
}

/// The files of a store of three segments, stopped without ceremony.
std::vector<std::pair<std::string, std::string>> real_store() {
  MemoryDisk disk;
  Journal journal{disk, options(false)};
  if (!journal.open({}, [] { return std::string{"checkpoint"}; })) std::abort();
  while (journal.active_segment() < 3) {
    const std::string body(150, 'b');
    const std::string_view payload[]{body};
    journal.append("operations", payload);
    if (journal.last_sequence() % 3 == 0 && !journal.sync()) std::abort();
  }
  if (!journal.write()) std::abort();
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& name : disk.names()) files.emplace_back(name, disk.contents(name));
  return files;
}

std::string name_of(std::uint8_t kind, std::uint8_t number) {
  switch (kind % 5) {
    case 0:
      return segment_name(number);
    case 1:
      return index_name(number);
    case 2:
      return spare_name(number);
    case 3:
      return unfinished_name(segment_name(number));
    default:
      return lock_file_name;
  }
}

/// Makes the checksums of the file header and of the record at `offset` right.
void sign(std::string& bytes, std::size_t offset) {
  const auto put = [&](std::size_t at, std::uint32_t value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
  if (bytes.size() >= segment_header_size) put(44, remuda::crc32c({bytes.data(), 44}));
  if (offset + record_header_size > bytes.size()) return;
  std::uint32_t number = 0;
  std::uint32_t size = 0;
  std::memcpy(&number, bytes.data() + 12, sizeof number);
  std::memcpy(&size, bytes.data() + offset + 4, sizeof size);
  const auto summed = std::string_view{bytes}.substr(offset + 4, record_header_size - 4 + std::size_t{size});
  put(offset, remuda::crc32c(summed, record_seed(identity, number)));
}

void change(MemoryDisk& disk, Input& input) {
  const auto action = input.byte() % 6;
  if (action == 0) {
    const auto kind = input.byte();
    const auto name = name_of(kind, input.byte());
    disk.set_contents(name, std::string{input.take(input.number())});
    return;
  }
  const auto names = disk.names();
  if (names.empty()) return;
  const auto& name = names[input.byte() % names.size()];
  auto bytes = disk.contents(name);
  const auto offset = input.number();
  switch (action) {
    case 1: {
      const auto patch = input.take(input.byte() % 64U);
      if (offset + patch.size() <= bytes.size()) bytes.replace(offset, patch.size(), patch);
      disk.set_contents(name, bytes);
      break;
    }
    case 2:
      disk.set_contents(name, bytes.substr(0, offset));
      break;
    case 3:
      disk.remove_durably(name);
      break;
    case 4: {
      const auto kind = input.byte();
      disk.set_contents(name_of(kind, input.byte()), bytes);
      break;
    }
    default:
      sign(bytes, offset);
      disk.set_contents(name, bytes);
      break;
  }
}

using Records = std::vector<std::pair<std::uint64_t, std::string>>;

/// Opens and reads everything there is. Returns why it was refused; empty when it was not.
std::string open(Journal& journal, Records& found) {
  std::vector<Location> places;
  const auto opened = journal.open([&](std::uint64_t sequence, std::string_view operations, Location payload) {
    found.emplace_back(sequence, operations);
    places.push_back(payload);
  });
  for (const auto place : places) static_cast<void>(journal.read(place, 64));
  return opened.ok() ? "" : opened.error().message;
}

void require(bool promise, const char* what, const std::string& why = {}) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s; %s\n", what, why.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{{reinterpret_cast<const char*>(data), size}};
  MemoryDisk disk;
  const auto mode = input.byte();
  const bool salvage = (mode & 1U) != 0;
  static const auto files = real_store();
  if ((mode & 2U) == 0) {
    for (const auto& [name, contents] : files) disk.set_contents(name, contents);
  }
  for (int changes = 0; changes < 32 && !input.empty(); ++changes) change(disk, input);
  disk.limit_space(disk.used_space() + (1U << 20U));

  Records first;
  {
    Journal journal{disk, options(salvage)};
    if (!open(journal, first).empty()) return 0;
    if (journal.has_room(100)) {
      journal.append("one more", {});
      require(journal.sync().ok(), "an opened journal takes records");
      first.emplace_back(journal.last_sequence(), "one more");
    }
  }
  disk.cut(remuda::broker::testing::Survivors::none);
  Records second;
  Journal journal{disk, options(false)};
  const auto refused = open(journal, second);
  require(refused.empty(), "what was opened once opens again, without salvage", refused);
  require(first == second, "recovery finds the same records again");
  return 0;
}
