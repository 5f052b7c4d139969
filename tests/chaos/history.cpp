#include "tests/chaos/history.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include "common/message.hpp"

namespace remuda::chaos {

namespace {
std::uint16_t checksum_of(Entry entry) {
  entry.checksum = 0;
  entry.client = 0;
  std::array<char, sizeof(Entry)> bytes{};
  std::memcpy(bytes.data(), &entry, sizeof entry);
  std::uint32_t sum = 2'166'136'261U;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return static_cast<std::uint16_t>((sum >> 16U ^ sum) | 1U);  // never 0: a hole of zeros is no entry
}
}  // namespace

std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::string body_of(std::uint64_t message) {
  std::string body(32 + message % 200, '\0');
  std::uint64_t state = message;
  for (char& c : body) {
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    c = static_cast<char>(state >> 56U);
  }
  return body;
}

std::string packed(std::uint64_t message, bool fifo) {
  Message out;
  out.id = std::to_string(message);
  out.type = "ride.completed";
  if (fifo) out.group_id = "customer-" + std::to_string(group_of(message));
  out.body = body_of(message);
  return pack(out);
}

HistoryWriter::HistoryWriter(const std::string& path) : file_{open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)} {
  if (file_ < 0) throw std::runtime_error{"cannot write " + path};
}
HistoryWriter::~HistoryWriter() {
  close(file_);
}

void HistoryWriter::add(Entry entry) {
  if (entry.time_ns == 0) entry.time_ns = now_ns();
  entry.checksum = checksum_of(entry);
  pending_.push_back(entry);
}

void HistoryWriter::write() {
  std::string_view bytes{reinterpret_cast<const char*>(pending_.data()), pending_.size() * sizeof(Entry)};
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0) throw std::runtime_error{"a history cannot be written"};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  pending_.clear();
}

void read_history(const std::filesystem::path& path, std::uint32_t client, std::vector<Entry>& out) {
  std::ifstream file{path, std::ios::binary};
  const std::size_t before = out.size();
  const std::uint64_t count = std::filesystem::file_size(path) / sizeof(Entry);
  out.resize(before + count);
  file.read(reinterpret_cast<char*>(out.data() + before), static_cast<std::streamsize>(count * sizeof(Entry)));
  for (std::size_t i = before; i < out.size(); ++i) {
    if (out[i].checksum != checksum_of(out[i])) {
      out.resize(i);  // torn by a kill
      return;
    }
    out[i].client = client;
  }
}

}  // namespace remuda::chaos
