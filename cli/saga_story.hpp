#pragma once
// What an orchestrator tells of a saga, drawn: its history as a timeline, its state machine with the way it took. Pure: the story is the
// JSON that `remuda saga show --json` prints (nodes/saga_orchestrator/timeline.hpp).

#include <string>
#include <vector>

#include "cli/terminal.hpp"
#include "common/saga/definition.hpp"

namespace remuda::cli {

/// What happened, when, which attempt, and what was undone: a line each, at most `width` columns.
std::string timeline_as_text(const saga::Json& story, int width, bool colours);

struct StatePicture {
  struct Node {
    std::string name;
    std::string type;
    std::string detail;  ///< a task's resource
    int visits = 0;
    bool is_current = false;
  };
  struct Way {
    enum class Kind { next, choice, error, branch };
    std::size_t from = 0;
    std::size_t to = 0;
    Kind kind = Kind::next;
    std::string label;  ///< the errors that lead here
    bool taken = false;
  };
  std::string title;
  std::vector<Node> nodes;  ///< in the order of the definition
  std::vector<Way> ways;
};
/// Errors: the definition cannot be read (`failed`).
Result<StatePicture> picture_of(const saga::Json& story);

[[nodiscard]] std::string picture_as_text(const StatePicture& picture, bool colours);
/// For Graphviz.
[[nodiscard]] std::string picture_as_dot(const StatePicture& picture);
/// Self-contained; follows the viewer's light or dark scheme.
[[nodiscard]] std::string picture_as_svg(const StatePicture& picture);

}  // namespace remuda::cli
