#pragma once
// The verbs of `remuda`, one file each. all_verbs() is the table; adding a verb is its file, its line here and its line there.

#include "cli/command.hpp"

namespace remuda::cli {

Command check_verb();
Command config_verb();
Command graph_verb();
Command up_verb();
Command apply_verb();
Command down_verb();
Command ps_verb();
Command logs_verb();
Command stop_verb();
Command start_verb();
Command restart_verb();
Command swap_verb();
Command scale_verb();
Command queue_verb();
Command topic_verb();
Command stream_verb();
Command call_verb();
Command broker_verb();
Command filter_verb();
Command saga_verb();
Command keys_verb();
Command doctor_verb();
Command export_verb();
Command bench_verb();
Command completion_verb(const Command& root);
Command version_verb();

/// The whole command: `remuda` and everything below it. The reference stays valid until the process ends.
const Command& remuda_command();

}  // namespace remuda::cli
