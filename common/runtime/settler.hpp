#pragma once
// Settles what handlers decided: outputs are confirmed first, only then inputs are acknowledged.
//
//   outputs on the input's own broker   travel with the acknowledgement as one transaction: exactly once between queues
//   outputs elsewhere                   are confirmed first, then the input is acknowledged: at least once, with the same ids
//
// A batch is settled by as few transactions as possible. When one is refused, its messages are settled one by one, so that a
// stale receipt handle costs nobody but its own message: that one's outputs are dropped, another consumer has it.
// Pure but for the channels it is given; time comes in with turn().

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
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
  std::optional<Message> reply;
};

/// How a handled message ended.
enum class Fate {
  done,
  retried,   ///< the failed attempt is recorded, it will come again
  rejected,  ///< in the dead-letter queue, or refused to the asker
  stale,     ///< the receipt handle had expired: somebody else has it, nothing was changed
};
[[nodiscard]] std::string_view name_of(Fate fate);
std::ostream& operator<<(std::ostream& out, Fate fate);

class Settler {
 public:
  static constexpr std::chrono::milliseconds retry_interval{1'000};
  static constexpr std::size_t group_size_max = 256;                     ///< messages settled by one transaction
  static constexpr std::size_t group_bytes_max = std::size_t{1} << 20U;  ///< of outputs; one message may exceed it alone

  using Finished = std::function<void(const Handled& handled, Fate fate)>;
  explicit Settler(Finished finished) : finished_{std::move(finished)} {}

  /// Takes over a batch, in order. Every message is `finished` exactly once, perhaps before this returns.
  void settle(std::vector<Handled> batch);

  /// Sends outside a handler: retried with the same bytes until every channel confirmed, or one refuses for good.
  void send(const std::vector<OutputChannel*>& channels, std::string packed, ConfirmHandler confirmed);

  /// Does what is due: settlements and sends that were refused for a while (disk full, unknown outcome).
  void turn(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  /// Messages and sends that are not confirmed yet.
  [[nodiscard]] std::size_t pending() const { return pending_; }

 private:
  using Group = std::vector<Handled>;
  using SharedGroup = std::shared_ptr<Group>;
  struct Later {
    Instant due;
    std::function<void()> task;
  };

  void settle_group(Group group);
  void forward(const SharedGroup& group);
  void on_forwarded(const SharedGroup& group, const std::optional<Error>& error);
  void acknowledge_each_home(Group group);
  void acknowledge(BrokerConnection& home, const SharedGroup& group);
  void on_refused(BrokerConnection& home, const SharedGroup& group, const Error& error);
  void send_one(OutputChannel& channel, const std::shared_ptr<const std::string>& packed, ConfirmHandler confirmed);
  void finish(Handled& handled, Fate fate);
  void later(std::function<void()> task);

  Finished finished_;
  std::size_t pending_ = 0;
  Instant now_{};
  std::vector<Later> later_;
};

}  // namespace remuda
