#pragma once
// How the command ends: the numbers that scripts may rely on.

namespace remuda::cli {

enum class ExitCode : int {
  done = 0,           ///< what was asked is done
  failed = 1,         ///< the thing itself failed: a node died, a queue refused
  wrong_usage = 2,    ///< a wrong file or a wrong command line; nothing was started or changed
  partly_done = 3,    ///< some of several things are done; the output says which are not
  not_reachable = 4,  ///< nobody answered: no such topology runs, or a broker is away
  timed_out = 5,
  interrupted = 130,  ///< Ctrl-C ended it before it was done
};

}  // namespace remuda::cli
