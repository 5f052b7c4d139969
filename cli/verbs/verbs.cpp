#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

const Command& remuda_command() {
  static Command root;
  if (!root.subcommands.empty()) return root;
  root.name = "remuda";
  root.summary = "Launches topologies of nodes from a launch file, and looks after their queues";
  root.details =
      "Begin with:  remuda check FILE, remuda up FILE, remuda ps, remuda logs -f, remuda down\n"
      "Exit codes:  0 done, 1 failed, 2 wrong file or usage, 3 partly done, 4 not reachable,\n"
      "             5 timed out, 130 interrupted";
  root.subcommands = {check_verb(),  config_verb(), graph_verb(), up_verb(),     apply_verb(),   down_verb(),
                      ps_verb(),     logs_verb(),   stop_verb(),  start_verb(),  restart_verb(), swap_verb(),
                      scale_verb(),  queue_verb(),  topic_verb(), stream_verb(), broker_verb(),  call_verb(),
                      filter_verb(), saga_verb(),   keys_verb(),  doctor_verb(), export_verb(),  bench_verb()};
  root.subcommands.push_back(completion_verb(root));
  root.subcommands.push_back(version_verb());
  return root;
}

}  // namespace remuda::cli
