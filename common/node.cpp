#include "common/node.hpp"

namespace remuda {

const Outcome Outcome::done{Outcome::Kind::done};
const Outcome Outcome::retry_later{Outcome::Kind::retry_later};
const Outcome Outcome::reject{Outcome::Kind::reject};

Outcome Outcome::because(std::string reason) const {
  auto copy = *this;
  copy.reason_ = std::move(reason);
  return copy;
}

Outcome Outcome::after(std::chrono::milliseconds delay) const {
  auto copy = *this;
  copy.delay_ = delay;
  return copy;
}

std::ostream& operator<<(std::ostream& out, Direction direction) {
  return out << (direction == Direction::input ? "input" : "output");
}

}  // namespace remuda
