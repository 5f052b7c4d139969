#include "common/topology/plan.hpp"

#include <ostream>

namespace remuda::topology {

std::ostream& operator<<(std::ostream& out, ChannelKind kind) {
  switch (kind) {
    case ChannelKind::pipe:
      return out << "pipe";
    case ChannelKind::topic:
      return out << "topic";
    case ChannelKind::queue:
      return out << "queue";
    case ChannelKind::stream:
      return out << "stream";
    case ChannelKind::request:
      return out << "request";
  }
  return out << "?";
}

}  // namespace remuda::topology
