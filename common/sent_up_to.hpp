#pragma once
// How far a sending end of a direct channel has come on one way: whoever receives from it knows from this when all of it has arrived.

#include <cstdint>
#include <string>

namespace remuda {

struct SentUpTo {
  std::string endpoint;        ///< of the way, as it is listened on
  std::string subscription;    ///< of a topic: the filter that stands before its frames; empty: everything
  std::string sender;          ///< as it stands in the frames
  std::uint64_t sequence = 0;  ///< of the last message
  friend bool operator==(const SentUpTo&, const SentUpTo&) = default;
};

}  // namespace remuda
