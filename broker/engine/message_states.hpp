#pragma once
// The states of a message in one queue and the events that move it. The operations obey this table; QUEUE.md draws it.
//
//   state      event                          next            what else happens
//   ---------  -----------------------------  --------------  ---------------------------------------------------------
//   (absent)   send, publish                  visible         or delayed, when a delay is asked for
//   delayed    its time has come              visible
//   visible    receive                        in_flight       receive count + 1, new attempt, new handle
//   in_flight  delete                         deleted
//   visible    delete by the last attempt     deleted         only a timed-out message that nobody received since; not in a FIFO
//   queue in_flight  timeout, visibility set to 0   visible         attempt recorded; dead_lettered if its receives are used up
//   in_flight  visibility set to t > 0        in_flight       deadline = now + t
//   in_flight  retry_later                    visible         attempt recorded; or delayed (in a FIFO queue: in_flight for as
//   long), or
//                                                             still in_flight until its timeout; dead_lettered if its receives are
//                                                             used up
//   in_flight  release                        visible         receive count - 1
//   in_flight  reject                         dead_lettered   inserted in the dead-letter queue by the same record
//   waiting    redrive                        redriven        inserted in the other queue by the same record
//   waiting    older than the retention       expired
//   any        purge                          purged
//   in_flight  restart of the broker          in_flight       same attempt, full visibility timeout again
//
// A FIFO queue delivers a visible message only when its group is open: message_groups.hpp.
// (waiting: visible or delayed.) The states after in_flight are final: the message is absent from this queue.

#include <cstdint>
#include <ostream>
#include <string_view>

namespace remuda::broker {

enum class MessageState : std::uint8_t {
  absent,     ///< no such message here, or forgotten
  delayed,    ///< stored, hidden until its time
  visible,    ///< stored, the next receive may take it
  in_flight,  ///< received, hidden until its deadline
  deleted,    ///< done with, by the holder of its last handle
  moved,      ///< now in another queue: dead-lettered or redriven
  expired,    ///< older than the retention of its queue
  purged,     ///< removed by an operator
};

[[nodiscard]] constexpr bool is_live(MessageState state) {
  return state == MessageState::delayed || state == MessageState::visible || state == MessageState::in_flight;
}
[[nodiscard]] constexpr bool is_waiting(MessageState state) {
  return state == MessageState::delayed || state == MessageState::visible;
}

[[nodiscard]] std::string_view name_of(MessageState state);
std::ostream& operator<<(std::ostream& out, MessageState state);

}  // namespace remuda::broker
