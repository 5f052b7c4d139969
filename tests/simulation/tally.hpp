#pragma once
// What a run of the simulation has reached and checked. A generator that never produces a thing proves nothing about it: so the
// run prints these counts and fails when one of them is zero.

#include <array>
#include <cstdint>
#include <iosfwd>
#include <string_view>

#include "broker/engine/commands.hpp"

namespace remuda::broker::test {

/// The invariants of RELIABILITY §5.1 and the rules of FIFO queues, under their numbers there.
enum class Invariant : std::uint8_t {
  i1_no_loss,
  i2_no_invention,
  i3_no_resurrection,
  i4_unknown_sends,
  i5_atomic_moves,
  i6_exclusivity,
  i7_receive_count,
  i8_dead_letters,
  i9_liveness,
  i10_isolation,
  i11_bounded,
  i12_accounting,
  i13_order_of_confirmation,
  i14_recovery,
  f1_group_order,
  f2_group_in_flight,
  f3_head_rule,
  f4_delay_blocks_nothing,
  f5_restart_from_the_lowest,
  f6_groups_are_independent,
  f7_dead_letter_of_a_head,
  deduplication,
  receive_attempts,
  clocks,
  forwarded_once,
};
inline constexpr std::array invariant_names{std::string_view{"I1 no loss"},
                                            std::string_view{"I2 no invention"},
                                            std::string_view{"I3 no resurrection"},
                                            std::string_view{"I4 unknown sends"},
                                            std::string_view{"I5 atomic moves and fan-out"},
                                            std::string_view{"I6 exclusivity and fencing"},
                                            std::string_view{"I7 receive count"},
                                            std::string_view{"I8 dead letters"},
                                            std::string_view{"I9 liveness"},
                                            std::string_view{"I10 isolation"},
                                            std::string_view{"I11 bounded"},
                                            std::string_view{"I12 accounting"},
                                            std::string_view{"I13 order of confirmation"},
                                            std::string_view{"I14 recovery"},
                                            std::string_view{"F1 group order"},
                                            std::string_view{"F2 group in flight"},
                                            std::string_view{"F3 head rule"},
                                            std::string_view{"F4 a delay blocks nothing"},
                                            std::string_view{"F5 restart from the lowest"},
                                            std::string_view{"F6 groups are independent"},
                                            std::string_view{"F7 dead letter of a head"},
                                            std::string_view{"deduplication window"},
                                            std::string_view{"receive attempt ids"},
                                            std::string_view{"D2 clocks"},
                                            std::string_view{"forwarded once"}};

/// The rows of message_states.hpp, and what else may become of a message.
enum class Transition : std::uint8_t {
  stored_visible,
  stored_delayed,
  delay_ended,
  received,
  received_again,
  deleted,
  deleted_late,
  timed_out,
  made_visible,
  timeout_changed,
  retried_at_once,
  retried_delayed,
  retried_at_timeout,
  released,
  rejected,
  rejected_without_dead_letter_queue,
  dead_lettered_at_timeout,
  dead_lettered_by_retry,
  dead_lettered_at_receive,
  redriven,
  redriven_to_another,
  moved_in_background,
  expired,
  purged_visible,
  purged_delayed,
  purged_in_flight,
  deduplicated,
  deduplicated_in_one_request,
  accepted_again_after_the_window,
  delivered_again_to_its_attempt,
  kept_in_flight_by_a_restart,
  removed_with_its_queue,
  taken_over,
};
inline constexpr std::array transition_names{std::string_view{"stored visible"},
                                             std::string_view{"stored delayed"},
                                             std::string_view{"delay ended"},
                                             std::string_view{"received"},
                                             std::string_view{"received again"},
                                             std::string_view{"deleted"},
                                             std::string_view{"deleted late"},
                                             std::string_view{"timed out"},
                                             std::string_view{"made visible"},
                                             std::string_view{"timeout changed"},
                                             std::string_view{"retried at once"},
                                             std::string_view{"retried delayed"},
                                             std::string_view{"retried at its timeout"},
                                             std::string_view{"released"},
                                             std::string_view{"rejected"},
                                             std::string_view{"rejected, no dead-letter queue"},
                                             std::string_view{"dead-lettered at timeout"},
                                             std::string_view{"dead-lettered by retry"},
                                             std::string_view{"dead-lettered at receive"},
                                             std::string_view{"redriven"},
                                             std::string_view{"redriven to another"},
                                             std::string_view{"moved in the background"},
                                             std::string_view{"expired"},
                                             std::string_view{"purged visible"},
                                             std::string_view{"purged delayed"},
                                             std::string_view{"purged in flight"},
                                             std::string_view{"deduplicated"},
                                             std::string_view{"deduplicated in one request"},
                                             std::string_view{"accepted after the window"},
                                             std::string_view{"delivered again to its attempt"},
                                             std::string_view{"kept in flight by a restart"},
                                             std::string_view{"removed with its queue"},
                                             std::string_view{"taken over"}};

/// Every code with which the engine refuses. Two limits are out of reach of a small world, 120,000 messages in flight and 100,000
/// queues: they have unit tests of their own.
inline constexpr std::array error_codes{
    std::string_view{"no_such_queue"},   std::string_view{"message_too_large"}, std::string_view{"invalid_argument"},
    std::string_view{"storage_full"},    std::string_view{"record_too_large"},  std::string_view{"invalid_visibility_timeout"},
    std::string_view{"stale_handle"},    std::string_view{"hello_first"},       std::string_view{"invalid_attribute"},
    std::string_view{"queue_not_empty"}, std::string_view{"queue_in_use"},      std::string_view{"move_in_progress"},
    std::string_view{"no_such_move"},    std::string_view{"corrupt_record"},    std::string_view{"queue_full"},
    std::string_view{"over_limit"},      std::string_view{"progress_moved"}};

inline constexpr std::array command_names{
    std::string_view{"send"},           std::string_view{"publish"},           std::string_view{"receive"},
    std::string_view{"delete"},         std::string_view{"change visibility"}, std::string_view{"retry later"},
    std::string_view{"reject"},         std::string_view{"release"},           std::string_view{"transact"},
    std::string_view{"purge"},          std::string_view{"redrive"},           std::string_view{"start move"},
    std::string_view{"continue move"},  std::string_view{"cancel move"},       std::string_view{"declare queue"},
    std::string_view{"delete queue"},   std::string_view{"declare topic"},     std::string_view{"open session"},
    std::string_view{"cancel receives"}};
static_assert(command_names.size() + 6 == std::variant_size_v<Command>);  // those on streams: stream_simulation.cpp

/// What becomes of the record of a command when the broker is killed right after it.
enum class Fate : std::uint8_t { kept, lost };

class Tally {
 public:
  std::uint64_t operations = 0;
  std::uint64_t crashes = 0;
  std::uint64_t clock_jumps = 0;

  void checked(Invariant which) { ++invariants_[static_cast<std::size_t>(which)]; }
  void reached(Transition which) { ++transitions_[static_cast<std::size_t>(which)]; }
  void asked(std::size_t command) { ++commands_[command]; }
  void refused(std::string_view code);
  void crashed(std::size_t command, Fate fate) { ++crashes_[command][static_cast<std::size_t>(fate)]; }

  void print(std::ostream& out) const;
  /// How many things of the lists above were never reached; their names go to `out`.
  std::size_t print_missing(std::ostream& out) const;

 private:
  std::array<std::uint64_t, invariant_names.size()> invariants_{};
  std::array<std::uint64_t, transition_names.size()> transitions_{};
  std::array<std::uint64_t, command_names.size()> commands_{};
  std::array<std::uint64_t, error_codes.size()> errors_{};
  std::array<std::array<std::uint64_t, 2>, command_names.size()> crashes_{};
};

}  // namespace remuda::broker::test
