// The printed names of the engine's enumerations.

#include "broker/engine/effects.hpp"
#include "broker/engine/message_states.hpp"
#include "broker/engine/queue_views.hpp"

namespace remuda::broker {

std::string_view name_of(MessageState state) {
  switch (state) {
    case MessageState::absent:
      return "absent";
    case MessageState::delayed:
      return "delayed";
    case MessageState::visible:
      return "visible";
    case MessageState::in_flight:
      return "in_flight";
    case MessageState::deleted:
      return "deleted";
    case MessageState::moved:
      return "moved";
    case MessageState::expired:
      return "expired";
    case MessageState::purged:
      return "purged";
  }
  return "?";
}
std::ostream& operator<<(std::ostream& out, MessageState state) {
  return out << name_of(state);
}

std::string_view name_of(HandleOutcome outcome) {
  switch (outcome) {
    case HandleOutcome::done:
      return "done";
    case HandleOutcome::stale_handle:
      return "stale_handle";
    case HandleOutcome::invalid_visibility_timeout:
      return "invalid_visibility_timeout";
  }
  return "?";
}
std::ostream& operator<<(std::ostream& out, HandleOutcome outcome) {
  return out << name_of(outcome);
}

std::string_view name_of(MoveStatus status) {
  switch (status) {
    case MoveStatus::running:
      return "running";
    case MoveStatus::completed:
      return "completed";
    case MoveStatus::cancelled:
      return "cancelled";
  }
  return "?";
}
std::ostream& operator<<(std::ostream& out, MoveStatus status) {
  return out << name_of(status);
}

}  // namespace remuda::broker
