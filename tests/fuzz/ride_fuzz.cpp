// Hostile bodies into the readers of rides: JSON and msgpack. What is accepted survives its journey as a message unchanged.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "nodes/wild_rydes/questions.hpp"
#include "nodes/wild_rydes/ride.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remuda::rides;
  remuda::Message message;
  message.body.assign(reinterpret_cast<const char*>(data), size);
  for (const char* type : {"application/json", ""}) {
    message.datacontenttype = type;
    (void)question_of(message);
    (void)ride_of(message);
    auto ride = submitted_ride_of(message);
    if (!ride) {
      if (ride.error().detail.empty()) std::abort();
      continue;
    }
    ride->id = "7";
    const auto back = ride_of(ride_completed(*ride, "fuzz"));
    if (!back || !(*back == *ride)) std::abort();
    if (!read_submitted_ride(representation(*ride))) std::abort();
  }
  return 0;
}
