#pragma once
// Settles what handlers decided: outputs are confirmed first, only then inputs are acknowledged.
//
//   outputs on the input's own broker   travel with the acknowledgement as one transaction: exactly once between queues
//   outputs elsewhere                   are confirmed first, then the input is acknowledged: at least once, with the same ids
//   outputs that others must handle     (request channels) the same, message by message; a failure there is a failed attempt here
//
// A batch is settled by as few transactions as possible. When one is refused, its messages are settled one by one, so that a
// stale receipt handle costs nobody but its own message: that one's outputs are dropped, another consumer has it.
//
// Where order counts (streams) outputs go in any order and acknowledgements in that of the messages; a failure is recorded after all
// that came before it, and what was handled after it is dropped, since it comes again.
//
// Where something is full (`queue_full`, `storage_full`), outputs are held back: they are tried again less and less often, what
// they came from stays in flight and hidden, and held_back() says why. Only who waits for an answer is refused instead. Pure but
// for the channels it is given; time comes in with turn().

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/channel.hpp"
#include "common/runtime/handled.hpp"
#include "common/runtime/output_line.hpp"

namespace remuda {

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
  static constexpr std::chrono::milliseconds retry_interval{100};  ///< the first time, then twice as long each time
  static constexpr std::chrono::milliseconds retry_interval_max{1'000};
  /// How long what is held back stays hidden from others, counted anew with every try.
  static constexpr std::chrono::milliseconds keep_time{10'000};
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

  /// Why outputs are not taken at present, in words for people; empty: they are.
  [[nodiscard]] std::string held_back() const { return held_back_.empty() ? std::string{} : held_back_.begin()->second; }

  /// Messages and sends that are not confirmed yet.
  [[nodiscard]] std::size_t pending() const { return pending_; }

 private:
  using Group = std::vector<Handled>;
  using SharedGroup = std::shared_ptr<Group>;
  struct Later {
    Instant due;
    std::function<void()> task;
  };

  /// A broker from which messages come and to which their outputs go back.
  struct Home {
    explicit Home(BrokerConnection& its_broker) : broker{its_broker} {}
    BrokerConnection& broker;
    OutputLine line{group_size_max, group_bytes_max};
    std::chrono::milliseconds pause = retry_interval;
  };

  /// Of an input that settles in order: its messages that are not handed over yet.
  struct Lane {
    InputChannel* input = nullptr;
    std::deque<std::uint64_t> expected;
    std::map<std::uint64_t, Handled> ready;  ///< their outputs elsewhere are confirmed
  };

  void settle_group(Group group);
  // to other brokers and direct channels
  void forward(const SharedGroup& group, std::chrono::milliseconds pause = retry_interval);
  void on_forwarded(const SharedGroup& group, const std::optional<Error>& error, std::chrono::milliseconds pause);
  void on_receiver_failed(const SharedGroup& group, const Error& error);
  void refuse_askers(Group& group, const Error& error);
  // to the input's own broker
  void acknowledge_each_home(Group group);
  void put_into_lane(Handled handled);
  [[nodiscard]] Lane& lane_of(InputChannel& input);
  [[nodiscard]] Home& home_of(BrokerConnection& broker);
  void drop_lost(Home& home);
  void hand_over(Home& home);
  void on_handed_over(Home& home, Group& group, const Result<Unit>& answer);
  void acknowledge(BrokerConnection& home, const SharedGroup& group);
  void on_refused(BrokerConnection& home, const SharedGroup& group, const Error& error);

  void send_one(OutputChannel& channel, const std::shared_ptr<const std::string>& packed, ConfirmHandler confirmed,
                std::chrono::milliseconds pause = retry_interval);
  void finish(Handled& handled, Fate fate);
  template <class Messages>
  void keep(const Messages& messages);
  void keep_those_behind(const Group& group);
  /// `who`: any address that stands for the output.
  void hold_back(const void* who, const Error& error);
  void later(std::chrono::milliseconds pause, std::function<void()> task);

  Finished finished_;
  std::size_t pending_ = 0;
  Instant now_{};
  std::vector<Later> later_;
  std::vector<std::unique_ptr<Home>> homes_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint64_t next_order_ = 1;
  bool some_are_lost_ = false;
  std::map<const void*, std::string> held_back_;  ///< by who is, why
};

}  // namespace remuda
