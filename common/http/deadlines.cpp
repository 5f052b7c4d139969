#include "common/http/deadlines.hpp"

namespace remuda::http {

std::ostream& operator<<(std::ostream& out, Phase phase) {
  switch (phase) {
    case Phase::idle:
      return out << "idle";
    case Phase::header:
      return out << "header";
    case Phase::body:
      return out << "body";
    case Phase::handling:
      return out << "handling";
    case Phase::writing:
      return out << "writing";
    case Phase::closing:
      return out << "closing";
  }
  return out << "?";
}

}  // namespace remuda::http
