#pragma once
// The commands of `remuda queue`.

#include "cli/command.hpp"

namespace remuda::cli {

// look.cpp: change nothing
Command queue_ls();
Command queue_info();
Command queue_peek();
// messages.cpp
Command queue_send();
Command queue_receive();
Command queue_delete_message();
// operate.cpp
Command queue_purge();
Command queue_redrive();
// move.cpp
Command queue_move();
Command queue_moves();
Command queue_cancel_move();
// change.cpp
Command queue_create();
Command queue_set();
Command queue_delete();

}  // namespace remuda::cli
