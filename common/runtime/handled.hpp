#pragma once
// What a handler has decided about one message, on its way to being settled.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/channel.hpp"

namespace remuda {

/// A packed message on its way to one channel.
struct Outgoing {
  OutputChannel* channel = nullptr;
  std::string packed;
};

/// A handled message whose consequences are not confirmed yet.
struct Handled {
  std::size_t port = 0;  ///< the caller's own, for its figures
  InputChannel* input = nullptr;
  std::string ticket;
  Outcome outcome = Outcome::done;
  std::vector<Outgoing> outputs;
  std::unique_ptr<Message> reply;  ///< of a request: few have one, and all of these are moved about
  std::string refusal;      ///< of a request whose outputs were not taken: why, as a code for the asker
  std::uint64_t order = 0;  ///< among those of its input, where that settles in order; 0: it does not

  /// A failure where order counts: what came before it is settled first, and what came after it falls back.
  [[nodiscard]] bool goes_alone() const { return order != 0 && outcome.kind() != Outcome::Kind::done; }

  [[nodiscard]] std::size_t output_bytes() const {
    std::size_t bytes = 0;
    for (const auto& output : outputs) bytes += output.packed.size();
    return bytes;
  }
};

}  // namespace remuda
