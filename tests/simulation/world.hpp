#pragma once
// The queues of the simulated world: every kind of queue there is, small enough that everything happens often.

#include <array>

#include "tests/simulation/queue_model.hpp"

namespace remuda::broker::test {

// Short names, so that looking at a queue allocates nothing.
inline constexpr std::array<const char*, QueueModel::names> queue_names{
    "rides-dead", "short-dead", "orders-dead", "blocks-dead", "rides", "ledger", "short",
    "relaxed",    "orders",     "blocks",      "slow",        "brief", "spare",  "spare-fifo"};

enum : Name {
  rides_dead,
  short_dead,
  orders_dead,
  blocks_dead,
  rides,
  ledger,
  short_lived,
  relaxed,
  orders,
  blocks,
  slow,
  brief,
  spare,
  spare_fifo
};

inline constexpr std::uint32_t ledger_max_size = 150;
inline constexpr const char* forwarded_source = "rides-outbox";
inline constexpr std::size_t messages_wanted_max = 12;  ///< per queue; a fuller one is sent nothing

inline ModelAttributes first_attributes(Name name) {
  using namespace std::chrono_literals;
  ModelAttributes out;
  out.is_fifo = name == orders_dead || name == blocks_dead || name == orders || name == blocks || name == slow || name == brief ||
                name == spare_fifo;
  switch (name) {
    case rides:
      out.dead_letters = rides_dead;
      out.max_receives = 3;
      break;
    case ledger:
      out.max_size = ledger_max_size;
      out.max_messages = 8;
      break;
    case short_lived:
      out.dead_letters = short_dead;
      out.max_receives = 2;
      out.retention = 60s;
      break;
    case relaxed:
      out.dead_letters = rides_dead;
      out.max_receives = 3;
      out.relaxed = true;
      break;
    case orders:
      out.dead_letters = orders_dead;
      out.max_receives = 2;
      break;
    case blocks:
      out.dead_letters = blocks_dead;
      out.max_receives = 2;
      out.blocks_group = true;
      break;
    case slow:
      out.delay = 2s;
      out.max_bytes = 300;
      break;
    case brief:
      out.retention = 90s;
      break;
    case spare:
      out.max_messages = 2;
      break;
    default:
      break;
  }
  return out;
}

}  // namespace remuda::broker::test
