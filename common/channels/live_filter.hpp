#pragma once
// What a live subscriber wants of a topic: an SNS filter policy as text. It is evaluated where messages come from, at the broker or
// at the publisher, so that what nobody wants does not travel.

#include <ostream>
#include <string>

namespace remuda {

struct LiveFilter {
  std::string policy;          ///< JSON; empty: everything
  bool on_attributes = false;  ///< scope: the attributes instead of the body
  friend bool operator==(const LiveFilter&, const LiveFilter&) = default;
};

}  // namespace remuda
