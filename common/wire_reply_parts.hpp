#pragma once
// What the writers and readers of replies share.

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/msgpack_reader.hpp"
#include "common/msgpack_writer.hpp"
#include "common/wire.hpp"

namespace remuda::wire {

inline Failure<Error> malformed(std::string_view what) {
  return fail_unknown("malformed_reply",
                      "the broker's answer is not understood (" + std::string{what} + "); do both sides have the same version?");
}

inline MsgpackWriter& begin_ok(MsgpackWriter& out, std::uint64_t request) {
  return out.array(3).text("ok").number(request);
}

inline std::string_view scope_name(bool on_attributes) {
  return on_attributes ? "attributes" : "body";
}

/// Calls `take(key)` for every entry of a map; it reads the value, or leaves it to be skipped by answering false.
template <class Take>
void read_map(MsgpackReader& in, Take&& take) {
  const std::uint32_t count = in.map();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view key = in.string();
    if (in.ok() && !take(key)) in.skip();
  }
}

template <class Read>
auto decode_list(std::string_view result, std::string_view what, Read&& read)
    -> Result<std::vector<decltype(read(std::declval<MsgpackReader&>()))>> {
  MsgpackReader in{result};
  const std::uint32_t count = in.array();
  std::vector<decltype(read(in))> values;
  values.reserve(count);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) values.push_back(read(in));
  if (!in.ok() || !in.at_end()) return malformed(what);
  return values;
}

}  // namespace remuda::wire
