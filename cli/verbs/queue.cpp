// remuda queue: looking into queues, and what an operator does with their messages. The commands are in queue/.

#include "cli/verbs/queue/commands.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

Command queue_verb() {
  return {.name = "queue",
          .summary = "Look into queues; send, receive, move and redrive messages; make, change and delete queues",
          .subcommands = {queue_ls(), queue_info(), queue_peek(), queue_send(), queue_receive(), queue_delete_message(),
                          queue_purge(), queue_redrive(), queue_move(), queue_moves(), queue_cancel_move(), queue_create(),
                          queue_set(), queue_delete()}};
}

}  // namespace remuda::cli
