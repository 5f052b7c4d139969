#pragma once
// Finds things that live elsewhere, by a hash of their key: open addressing over 32-bit numbers, 8 bytes a place, no allocation per
// thing. Who asks says what a number's key is. The hash is keyed (SipHash-1-3), since names come from whoever may send.

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace remuda::broker {

/// Random in a broker, so that nobody can choose names that collide; nothing that the engine decides depends on it.
struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// SipHash-1-3. Source: Aumasson and Bernstein, SipHash: a fast short-input PRF.
[[nodiscard]] inline std::uint64_t hash_of(std::string_view bytes, HashKey key) {
  std::uint64_t a = key.low ^ 0x736f'6d65'7073'6575U;
  std::uint64_t b = key.high ^ 0x646f'7261'6e64'6f6dU;
  std::uint64_t c = key.low ^ 0x6c79'6765'6e65'7261U;
  std::uint64_t d = key.high ^ 0x7465'6462'7974'6573U;
  const auto round = [&] {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  };
  const auto take = [&](std::uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    take(word);
  }
  std::uint64_t last = 0;
  std::memcpy(&last, bytes.data() + at, bytes.size() - at);
  take(last | std::uint64_t{bytes.size() & 0xFFU} << 56U);
  c ^= 0xFFU;
  for (int i = 0; i < 3; ++i) round();
  return a ^ b ^ c ^ d;
}

class HashIndex {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    if (size_ == 0) return;
    places_.clear();
    size_ = 0;
  }

  /// The number under `hash` of which `is_it(number)` is true.
  template <class IsIt>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, IsIt&& is_it) const {
    if (places_.empty()) return std::nullopt;
    const std::uint32_t wanted = kept(hash);
    for (std::size_t at = wanted & mask(); places_[at].hash != free; at = (at + 1) & mask()) {
      if (places_[at].hash == wanted && is_it(places_[at].number)) return places_[at].number;
    }
    return std::nullopt;
  }
  /// It is not there yet.
  void insert(std::uint64_t hash, std::uint32_t number) {
    if ((size_ + 1) * 10 > places_.size() * 7) grow();
    place(Place{kept(hash), number});
    ++size_;
  }
  /// Puts `number` in the place of `before`.
  void replace(std::uint64_t hash, std::uint32_t before, std::uint32_t number) { places_[*at(hash, before)].number = number; }
  /// Whether it was there.
  bool erase(std::uint64_t hash, std::uint32_t number) {
    const auto found = at(hash, number);
    if (!found) return false;
    // Whatever stands behind it and would rather stand here moves up, so that no search ends too early.
    std::size_t hole = *found;
    for (std::size_t next = (hole + 1) & mask(); places_[next].hash != free; next = (next + 1) & mask()) {
      const std::size_t home = places_[next].hash & mask();
      if (((next - home) & mask()) < ((next - hole) & mask())) continue;
      places_[hole] = places_[next];
      hole = next;
    }
    places_[hole] = Place{};
    --size_;
    return true;
  }

 private:
  static constexpr std::uint32_t free = 0;
  struct Place {
    std::uint32_t hash = free;
    std::uint32_t number = 0;
  };
  [[nodiscard]] static std::uint32_t kept(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U) | 1U; }
  [[nodiscard]] std::size_t mask() const { return places_.size() - 1; }
  [[nodiscard]] std::optional<std::size_t> at(std::uint64_t hash, std::uint32_t number) const {
    if (places_.empty()) return std::nullopt;
    for (std::size_t at = kept(hash) & mask(); places_[at].hash != free; at = (at + 1) & mask()) {
      if (places_[at].number == number && places_[at].hash == kept(hash)) return at;
    }
    return std::nullopt;
  }
  void place(Place what) {
    std::size_t at = what.hash & mask();
    while (places_[at].hash != free) at = (at + 1) & mask();
    places_[at] = what;
  }
  void grow() {
    std::vector<Place> before(places_.empty() ? 16 : places_.size() * 2);
    before.swap(places_);
    for (const Place& each : before) {
      if (each.hash != free) place(each);
    }
  }

  std::vector<Place> places_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace remuda::broker
