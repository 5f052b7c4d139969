// From the engine's answers to reply frames. Bodies are read from the log here, and only here on the hot path: each is checked
// against its CRC and copied once, into the frame.

#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

void Broker::send_written(const SendFrame& send) {
  for (const auto& [client, frame] : direct_) {
    const Connection* connection = connections_.find(client);
    if (connection != nullptr && !send(*connection, frame)) gone_.push_back(client);
  }
  direct_.clear();
  send_replies(false, send);
}

void Broker::send_synced(const SendFrame& send) {
  send_replies(true, send);
  for (Topic* topic : published_) {
    topic->feed.flush([&](ClientId client, std::string_view frame) {
      const Connection* connection = connections_.find(client);
      return connection != nullptr && send(*connection, frame);
    });
  }
}

void Broker::send_replies(bool after_sync, const SendFrame& send) {
  for (std::size_t i = 0; i < effects_.replies.size() && !damaged_; ++i) {
    const Reply& reply = effects_.replies[i];
    if (reply.after_sync != after_sync || reply.client == 0) continue;
    Connection* connection = connections_.find(reply.client);
    const auto* delivered = std::get_if<Delivered>(&reply.answer);
    const auto* batch = std::get_if<StreamBatch>(&reply.answer);
    std::size_t handed_out = 0;
    if (connection != nullptr) {
      const bool is_error = std::holds_alternative<Error>(reply.answer);
      if (delivered != nullptr || is_error) std::erase(connection->waiting, reply.request);
      if (batch != nullptr || is_error) std::erase(connection->waiting_takes, reply.request);
      frame_.clear();
      encode(reply, done_forms_[i], handed_out);
      if (damaged_) return;
      if (send(*connection, frame_)) {
        batch = nullptr;
      } else {
        gone_.push_back(reply.client);
        handed_out = 0;
      }
    }
    if (batch != nullptr && batch->lease.number != 0) returned_leases_.push_back({batch->lease, batch->next - batch->count});
    if (delivered == nullptr) continue;
    if (REMUDA_MUTANT(85)) continue;
    // Nobody got these: back to their queue, without counting the receive.
    for (std::size_t d = handed_out; d < delivered->count; ++d)
      returned_.push_back(effects_.deliveries[delivered->first + d].handle);
  }
}

void Broker::encode(const Reply& reply, DoneForm form, std::size_t& handed_out) {
  if (const auto* delivered = std::get_if<Delivered>(&reply.answer)) return encode_delivered(reply, *delivered, handed_out);
  if (const auto* batch = std::get_if<StreamBatch>(&reply.answer)) return encode_stream_batch(reply, *batch);
  if (const auto* done = std::get_if<Done>(&reply.answer)) {
    if (form == DoneForm::nothing) return wire::encode_ok(reply.request, frame_);
    return wire::encode_ok(reply.request, form == DoneForm::first ? done->first : done->count, frame_);
  }
  if (const auto* accepted = std::get_if<Accepted>(&reply.answer)) {
    return wire::encode_ok(reply.request, std::span<const Sequence>{effects_.sequences}.subspan(accepted->first, accepted->count),
                           frame_);
  }
  if (const auto* settled = std::get_if<HandlesSettled>(&reply.answer)) {
    std::vector<wire::HandleError> refused;
    for (std::size_t h = 0; h < settled->count; ++h) {
      const HandleOutcome outcome = effects_.outcomes[settled->first + h];
      if (outcome != HandleOutcome::done) refused.push_back({static_cast<std::uint32_t>(h), std::string{name_of(outcome)}});
    }
    return wire::encode_ok(reply.request, settled->count, refused, frame_);
  }
  if (const auto* progress = std::get_if<Progress>(&reply.answer))
    return wire::encode_ok(reply.request, wire::Progress{progress->version, progress->value}, frame_);
  if (const auto* error = std::get_if<Error>(&reply.answer)) {
    ++refusals_;
    return wire::encode_error(reply.request, *error, frame_);
  }
  wire::encode_ok(reply.request, frame_);
}

void Broker::encode_delivered(const Reply& reply, const Delivered& delivered, std::size_t& handed_out) {
  // As many as fit into one frame; the first always does, since a message that was accepted fits into a request.
  constexpr std::size_t around_a_message = 64;
  std::size_t bytes = around_a_message;
  while (handed_out < delivered.count) {
    bytes += effects_.deliveries[delivered.first + handed_out].size + around_a_message;
    if (handed_out > 0 && bytes > settings_.max_frame_size) break;
    ++handed_out;
  }
  wire::begin_received(reply.request, handed_out, frame_);
  std::string handle;
  for (std::size_t d = 0; d < handed_out; ++d) {
    const Delivery& delivery = effects_.deliveries[delivered.first + d];
    const std::string_view body = read_body(delivery.place, delivery.size, delivery.crc32c);
    if (damaged_) return;
    handle.clear();
    append_receipt_handle(delivery.handle, handle);
    wire::append_received({handle, delivery.receive_count, delivery.sent_ms, delivery.first_received_ms, body}, frame_);
  }
}

}  // namespace remuda::broker
