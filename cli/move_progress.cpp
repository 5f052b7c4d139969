#include "cli/move_progress.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "cli/channel_verbs.hpp"
#include "cli/table.hpp"

namespace remuda::cli {

namespace {

constexpr int look_again_ms = 200;

void show(const Terminal& terminal, const wire::MoveInfo& move, std::uint64_t total) {
  if (terminal.redraws) terminal.err << fmt::format("\r{} of {} moved ", grouped(move.moved), grouped(total)) << std::flush;
}

}  // namespace

ExitCode run_move(const Terminal& terminal, BlockingBrokerClient& client, const wire::StartMove& move, std::uint64_t total,
                  bool detached) {
  const Result<std::uint64_t> started = client.start_move(move);
  if (!started) return refused(terminal, started.error());
  if (detached) {
    terminal.out << fmt::format("move {} is under way: remuda queue moves\n", *started);
    return ExitCode::done;
  }
  while (true) {
    const auto moves = client.list_moves();
    if (!moves) return refused(terminal, moves.error());
    const auto ours = std::find_if(moves->begin(), moves->end(), [&](const wire::MoveInfo& info) { return info.move == *started; });
    if (ours == moves->end()) {
      return terminal.problem(ExitCode::failed, fmt::format("the broker does not know of move {} any more", *started),
                              "remuda queue ls");
    }
    show(terminal, *ours, total);
    if (ours->status != "running") {
      if (terminal.redraws) terminal.err << "\r\x1b[K" << std::flush;
      terminal.out << fmt::format("{} {} from {}{}\n", ours->status == "completed" ? "moved" : "cancelled after",
                                  messages(ours->moved), ours->queue,
                                  ours->to.empty() ? " to where they came from" : " to " + ours->to);
      return ours->status == "completed" ? ExitCode::done : ExitCode::partly_done;
    }
    ::poll(nullptr, 0, look_again_ms);
  }
}

}  // namespace remuda::cli
