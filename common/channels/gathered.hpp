#pragma once
// Messages on their way into a direct channel, as they come from many sends: those of one turn share frames, so that a busy sender
// pays for the transport once for many small messages. Nothing waits for company: at the end of the turn everything goes.

#include <algorithm>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/channels/direct_wire.hpp"
#include "common/node.hpp"

namespace remuda::direct {

class Gathered {
 public:
  /// Sends that share a frame at most; a frame with more than one of them has at most about so many bytes.
  static constexpr std::size_t sends_max = 64;
  static constexpr std::size_t bytes_max = std::size_t{64} * 1024;

  void add(std::span<const std::string_view> messages, ConfirmHandler confirmed) {
    const std::size_t before = bytes_.size();
    for (const auto message : messages) append_message(message, bytes_);
    sends_.push_back({bytes_.size() - before, messages.size(), std::move(confirmed)});
  }

  [[nodiscard]] bool empty() const { return sends_.empty(); }
  /// Sends.
  [[nodiscard]] std::size_t size() const { return sends_.size(); }

  /// What goes into the next frame, of at most `most` sends.
  struct Portion {
    std::size_t sends = 0;
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };
  /// Appends the frame to `out`; the sends stay until they are taken.
  Portion encode(std::string_view sender, std::uint64_t first_sequence, std::size_t most, std::string& out) const {
    Portion portion;
    for (; portion.sends < std::min({most, sends_max, sends_.size()}); ++portion.sends) {
      const Send& send = sends_[portion.sends];
      if (portion.sends > 0 && portion.bytes + send.bytes > bytes_max) break;
      portion.messages += send.count;
      portion.bytes += send.bytes;
    }
    begin_messages(sender, first_sequence, portion.messages, out);
    out.append(bytes_, taken_, portion.bytes);
    return portion;
  }
  /// Takes out what was handed over and confirms it. Handlers may add more.
  void confirm(const Portion& portion) {
    std::vector<ConfirmHandler> handlers;
    handlers.reserve(portion.sends);
    for (std::size_t i = 0; i < portion.sends; ++i) {
      handlers.push_back(std::move(sends_.front().confirmed));
      sends_.pop_front();
    }
    drop(portion.bytes);
    for (const auto& handler : handlers) handler({});
  }

 private:
  struct Send {
    std::size_t bytes = 0;
    std::size_t count = 0;  ///< of messages
    ConfirmHandler confirmed;
  };
  std::deque<Send> sends_;
  std::string bytes_;      ///< the messages of all sends, as they stand in a frame; one allocation for many
  std::size_t taken_ = 0;  ///< of these

  void drop(std::size_t bytes) {
    taken_ += bytes;
    if (sends_.empty()) {
      taken_ = 0;
      bytes_.clear();
      if (bytes_.capacity() > 16 * bytes_max) bytes_.shrink_to_fit();
    } else if (taken_ > bytes_max && taken_ > bytes_.size() / 2) {
      bytes_.erase(0, taken_);
      taken_ = 0;
    }
  }
};

}  // namespace remuda::direct
