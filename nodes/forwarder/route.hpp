#pragma once
// One outbox and where it leads: what the forwarder has to do next, and what follows from the answers. Pure: no socket, no clock of its
// own; forwarder.cpp carries the requests out.
//
//        topic's broker                                        the other broker
//    [outbox] --- receive, the oldest first ---> hand --- store + progress, one transaction ---> [queue] or {stream}
//        ^                                         |
//        +----------- delete what is stored -------+
//
// Exactly once, however long the link is down and whoever is killed when: in one record with the messages the other broker keeps which
// they were (sequence in the outbox and id), under a version that each such transaction raises. At most this batch can be stored there
// and still be here. Who carries on asks for it first and deletes those instead of sending them again; a transaction that somebody sent
// before and that arrives late finds another version and does nothing. The outbox is read exclusively, so the order is that of the topic.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/clock.hpp"
#include "common/result.hpp"

namespace remuda::forwarder {

/// Which message: its sequence in the outbox, and its id, lest an outbox that was begun anew be taken for the old one.
using Key = std::pair<std::uint64_t, std::uint64_t>;

/// A message in hand: of the outbox, not stored at the other broker as far as we know.
struct Item {
  std::string handle;
  Key key;
  std::string packed;
};
/// Of what a receive brought. The sequence stands in the handle (PROTOCOL.md).
[[nodiscard]] Item item_of(std::string_view handle, std::string_view packed);

/// What is kept as progress, and back. Errors: `malformed_progress`.
[[nodiscard]] std::string progress_text(const std::vector<Key>& keys);
[[nodiscard]] Result<std::vector<Key>> parse_progress(std::string_view text);

/// Whether a broker that refuses a message with this code will always refuse it.
[[nodiscard]] bool never_succeeds(std::string_view code);

// ---- what the shell is asked to do; each but Release is answered by the on_... of its name, once ----
struct AskProgress {};  ///< the other broker: how far are we?
struct Receive {        ///< the outbox: exclusively, and wait for something to come
  std::uint32_t max = 0;
};
/// The other broker: these messages and the progress, all or nothing. Items of the hand: valid until on_stored().
struct Store {
  std::span<const Item> items;
  std::uint64_t after = 0;
  std::string progress;
};
struct Delete {  ///< the outbox: these are stored
  std::vector<std::string> handles;
};
struct Divert {  ///< the outbox: to its dead letters
  std::string handle;
  std::string reason;
};
struct Release {  ///< the outbox: somebody else will carry these; no answer is waited for
  std::vector<std::string> handles;
};
using Action = std::variant<AskProgress, Receive, Store, Delete, Divert, Release>;

class Route {
 public:
  static constexpr std::size_t batch_max = 512;
  static constexpr std::size_t batch_bytes_max = 1U << 20U;
  static constexpr std::chrono::milliseconds pause_min{50};
  static constexpr std::chrono::milliseconds pause_max{2'000};

  /// The next thing to do now, or nothing until an answer comes or next_deadline() has passed.
  [[nodiscard]] std::optional<Action> next(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  void on_progress(Result<std::pair<std::uint64_t, std::string>> progress, Instant now);
  void on_received(Result<std::vector<Item>> items, Instant now);
  void on_stored(const Result<void>& stored, Instant now);
  /// `refused`: by index in the Delete.
  void on_deleted(const Result<std::vector<std::size_t>>& refused, Instant now);
  void on_diverted(const Result<void>& diverted, Instant now);

  /// Receives nothing more. What is under way is finished, the rest of the hand given back.
  void drain() { draining_ = true; }
  /// Nothing is under way or in hand.
  [[nodiscard]] bool idle() const;
  /// The other broker does not answer and nobody waits for it: what it may have done, whoever comes next finds out.
  void give_up_asking();

  /// Why nothing gets on at present, for people; empty: it does.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] std::uint64_t stored() const { return stored_count_; }
  [[nodiscard]] std::uint64_t repeats() const { return repeats_; }  ///< were stored by somebody who could not delete them
  [[nodiscard]] std::uint64_t diverted() const { return diverted_; }

 private:
  // what is known
  bool known_ = false;  ///< the next two are
  std::uint64_t version_ = 0;
  /// Stored at the other broker, and not known for certain to have left the outbox. True: a receive did not see it any more; once a
  /// delete that was asked for later is confirmed, its absence is on stable storage.
  std::map<Key, bool> kept_;
  // what is in hand
  std::vector<Item> hand_;
  std::vector<std::string> to_delete_;
  std::vector<Key> keys_to_delete_;  ///< parallel
  std::vector<Key> confirming_;      ///< by the delete that is under way: its keys, then others
  std::optional<std::string> to_divert_;
  // what is under way
  bool asking_ = false;  ///< the other broker: progress or store
  bool receiving_ = false;
  bool deleting_ = false;
  bool diverting_ = false;
  std::size_t storing_ = 0;  ///< items of the hand
  bool draining_ = false;
  // how it goes
  std::size_t limit_ = batch_max;  ///< halved to find a message that is refused
  std::chrono::milliseconds pause_ = pause_min;
  Instant paused_until_{};
  std::string trouble_;
  std::uint64_t stored_count_ = 0;
  std::uint64_t repeats_ = 0;
  std::uint64_t diverted_ = 0;

  [[nodiscard]] Store store();
  [[nodiscard]] std::optional<Action> give_back();
  void delete_first(std::size_t count);
  void pause(const Error& error, Instant now);
  void went_well();
  void start_again();
};

}  // namespace remuda::forwarder
