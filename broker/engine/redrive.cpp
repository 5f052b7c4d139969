// The redrive policy: a message that was received as often as its queue allows and is still not deleted goes to the
// dead-letter queue, by the very record that ends its last attempt; its body is referred to and not copied.

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
/// Cut to what is kept, never inside a UTF-8 character.
std::string_view kept_text(std::string_view text) {
  if (text.size() <= text_size_max_bytes) return text;
  std::size_t end = text_size_max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}
}  // namespace

void QueueEngine::write_failed_attempt(const Queue& queue, Sequence sequence, std::string_view error) {
  std::string& out = record_.operation(Operation::attempt_failed);
  put_varint(out, queue.id());
  put_varint(out, sequence);
  put_text(out, kept_text(error));
}

void QueueEngine::write_dead_letter(const Queue& queue, Sequence sequence, std::string_view reason) {
  Queue& target = *state_.queue(queue.dead_letter_queue);
  std::string& out = record_.operation(Operation::dead_lettered);
  put_varint(out, queue.id());
  put_varint(out, sequence);
  put_varint(out, target.id());
  put_text(out, kept_text(reason));
  sync_ |= !queue.attributes.relaxed;
  note_moved_in(target);
  if (REMUDA_MUTANT(41)) sync_ = false;
}

void QueueEngine::write_end_of_attempts(const Queue& queue, std::span<const Sequence> sequences, AttemptEnd cause) {
  if (sequences.empty()) return;
  std::string& out = record_.operation(Operation::timed_out);
  put_varint(out, queue.id());
  put_byte(out, static_cast<std::uint8_t>(cause));
  put_runs(out, sequences);
  for (const Sequence sequence : sequences) {
    if (const Slot& slot = *queue.find(sequence); queue.used_up(slot))
      write_dead_letter(queue, sequence, used_up_reason(queue, slot));
  }
}

std::string QueueEngine::used_up_reason(const Queue& queue, const Slot& slot) {
  const std::uint32_t times = queue.receives_here(slot);
  return "received " + std::to_string(times) + (times == 1 ? " time" : " times") + " without being deleted, the maximum is " +
         std::to_string(queue.attributes.max_receives);
}

}  // namespace remuda::broker
