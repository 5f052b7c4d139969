#pragma once
// The names of places in streams.

#include <cstdint>

namespace remuda::broker {

using StreamId = std::uint32_t;  ///< given by the engine, from 1; never reused within one store
using Offset = std::uint64_t;    ///< place of a record in its partition, from 0; contiguous, never reused

/// Where to begin. Below the first record kept it means that one.
struct StreamPosition {
  enum class Kind : std::uint8_t { oldest, latest, offset, time };
  Kind kind = Kind::oldest;
  Offset offset = 0;
  std::int64_t unix_ms = 0;  ///< the first record that came at or after it
};

/// One partition of one stream, as a publish chose it.
struct StreamTarget {
  StreamId stream = 0;
  std::uint32_t partition = 0;
};

/// The proof of having taken a batch. Whoever takes the partition next gets another one, and this one changes nothing any more.
struct StreamLease {
  StreamId stream = 0;
  std::uint32_t group = 0;  ///< its number in the stream
  std::uint32_t partition = 0;
  std::uint64_t number = 0;  ///< never given twice, also not after a restart
  friend bool operator==(const StreamLease&, const StreamLease&) = default;
};

}  // namespace remuda::broker
