// Arbitrary bytes as a frame of a direct channel and of the control channel: refused or understood, never a crash; what is
// understood is written back to the same meaning.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/channels/direct_wire.hpp"
#include "common/control.hpp"

namespace {

void direct_frames(std::string_view bytes) {
  using namespace remuda::direct;
  std::string again;
  if (const auto messages = decode_messages(bytes)) {
    encode_messages(messages->sender, messages->first_sequence, messages->messages, again);
    const auto reread = decode_messages(again);
    if (!reread || reread->sender != messages->sender || reread->messages != messages->messages) std::abort();
  }
  again.clear();
  Request request;
  if (decode_request(bytes, request)) {
    encode_request(request.correlation, request.deadline_ms, request.message, again);
    Request reread;
    if (!decode_request(again, reread) || reread.correlation != request.correlation || reread.message != request.message)
      std::abort();
  }
  static_cast<void>(decode_reply(bytes));
}

void control_frames(std::string_view bytes) {
  if (const auto message = remuda::decode_control_message(bytes)) {
    const auto reread = remuda::decode_control_message(remuda::encode(*message));
    if (!reread || *reread != *message) std::abort();
  }
  if (const auto request = remuda::decode_control_request(bytes)) {
    const auto reread = remuda::decode_control_request(remuda::encode(*request));
    if (!reread || *reread != *request) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  direct_frames(bytes);
  control_frames(bytes);
  return 0;
}
