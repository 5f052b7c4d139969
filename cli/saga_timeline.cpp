#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/saga_story.hpp"
#include "cli/table.hpp"

namespace remuda::cli {

namespace {

using saga::Json;

std::string text_of(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::int64_t number_of(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

std::string time_of(std::int64_t ms) {
  std::string text = saga::write_timestamp(saga::Time{saga::Milliseconds{ms}});
  text[text.find('T')] = ' ';
  return text.substr(0, text.size() - 1) + " UTC";
}

std::string seconds(std::int64_t ms) {
  return fmt::format("{}.{:03}s", ms / 1000, ms % 1000);
}

std::string error_of(const Json& entry) {
  const std::string error = text_of(entry, "error");
  const std::string cause = text_of(entry, "cause");
  return cause.empty() ? error : error + ": " + cause;
}

class Timeline {
 public:
  Timeline(const Json& story, int width, bool colours)
      : story_{story},
        width_{static_cast<std::size_t>(std::max(width, 40))},
        colours_{colours},
        began_{number_of(story, "started_ms")} {
    const auto reading = saga::read_definition(text_of(story, "definition_text"));
    if (reading.definition) note_compensations(reading.definition->machine);
  }

  std::string draw() {
    const std::string status = text_of(story_, "status");
    const auto ended = number_of(story_, "ended_ms");
    text_ = fmt::format("{}  {}  {}", one_line(text_of(story_, "id")), one_line(text_of(story_, "definition")),
                        paint(colours_, colour_of(status), status));
    if (const std::string error = text_of(story_, "error"); !error.empty()) text_ += "  " + one_line(error);
    text_ += fmt::format("\nstarted {}", time_of(began_));
    text_ += ended > 0 ? fmt::format(", took {}", seconds(ended - began_))
                       : fmt::format(", is in {}", one_line(text_of(story_, "states")));
    text_ += fmt::format("; definition {}\n\n", text_of(story_, "definition_hash").substr(0, 12));
    for (const Json& entry : story_.value("history", Json::array())) add(entry);
    add_list("undone", undone_);
    add_list("not undone yet", undoing_);
    add_list("after the error", after_error_);
    return text_;
  }

 private:
  void note_compensations(const saga::Machine& machine) {
    for (const auto& [name, state] : machine.states) {
      if (!state.undoes.empty()) undoes_[name] = state.undoes;
      for (const saga::Machine& branch : state.branches) note_compensations(branch);
    }
  }

  [[nodiscard]] std::string undone_by(const std::string& state) const {
    const auto found = undoes_.find(state);
    return found == undoes_.end() ? std::string{} : found->second;
  }

  void add_list(const std::string& title, const std::vector<std::string>& names) {
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
    if (!all.empty()) text_ += fmt::format("\n{}: {}\n", title, all);
  }

  static Colour colour_of(const std::string& status) {
    return status == "completed" ? Colour::green
           : status == "running" ? Colour::blue
           : status == "stuck"   ? Colour::yellow
                                 : Colour::red;
  }

  void line(const Json& entry, const std::string& what, Colour colour = Colour::none) {
    const std::string at = "+" + seconds(number_of(entry, "at_ms") - began_);
    text_ += fmt::format("{:>12}  {}\n", at, paint(colours_, colour, shorten(one_line(what), width_ - 14)));
  }

  void add(const Json& entry) {
    const std::string what = text_of(entry, "what");
    const std::string state = text_of(entry, "state");
    if (what == "started") {
      line(entry, "started with " + text_of(story_, "input"), Colour::dim);
    } else if (what == "entered") {
      const std::string undoes = undone_by(state);
      is_skipped_ = false;
      line(entry, state + (!undoes.empty() ? "  (undoes " + undoes + ")" : caught_ ? "  (after the error)" : ""), Colour::bold);
      if (!undoes.empty()) {
        undoing_.push_back(undoes + " by " + state);
      } else if (caught_) {
        is_entered_after_error_ = state;
      }
    } else if (what == "asked") {
      if (std::exchange(is_entered_after_error_, {}) == state && !state.empty()) after_error_.push_back(state);
      const std::string task = text_of(entry, "task");
      line(entry, fmt::format("  asks {}, attempt {}", task.substr(task.find(':') + 1), number_of(entry, "attempt")));
    } else if (what == "answered") {
      line(entry, "  answer " + text_of(entry, "output"), Colour::green);
    } else if (what == "failed") {
      line(entry, fmt::format("  attempt {} failed: {}", number_of(entry, "attempt"), error_of(entry)), Colour::red);
    } else if (what == "retry") {
      line(entry, fmt::format("  tries again in {} ({})", seconds(number_of(entry, "in_ms")), error_of(entry)), Colour::yellow);
    } else if (what == "given up") {
      line(entry, "  no answer any more is waited for", Colour::dim);
    } else if (what == "waits") {
      line(entry, fmt::format("  waits {}", seconds(number_of(entry, "in_ms"))));
    } else if (what == "left" && !undone_by(state).empty() && !entry.contains("error")) {
      const auto undoing = std::find(undoing_.begin(), undoing_.end(), undone_by(state) + " by " + state);
      if (undoing == undoing_.end()) return;
      undone_.push_back(*undoing + (is_skipped_ ? " (skipped by hand)" : ""));
      undoing_.erase(undoing);
    } else if (what == "left" && entry.contains("error")) {
      caught_ = true;
      line(entry, fmt::format("  leaves {} with {}", state, error_of(entry)), Colour::red);
    } else if (what == "parked") {
      line(entry, fmt::format("  stuck in {}: {}. Decide: retry, skip, stop", state, error_of(entry)), Colour::yellow);
    } else if (what == "ended") {
      line(entry, "ended: " + text_of(entry, "status") + (entry.contains("error") ? ", " + error_of(entry) : ""),
           text_of(entry, "status") == "completed" ? Colour::green : Colour::red);
    } else if (what != "left" && what != "heartbeat") {
      add_operator(entry, what);
    }
  }

  void add_operator(const Json& entry, const std::string& what) {
    is_skipped_ = what == "skip";
    const std::string by = text_of(entry, "by");
    const std::string note = text_of(entry, "note");
    line(entry, fmt::format("{}{}{}", what, by.empty() ? "" : " by " + by, note.empty() ? "" : ": " + note), Colour::magenta);
  }

  const Json& story_;
  std::size_t width_;
  bool colours_;
  std::int64_t began_;
  std::string text_;
  bool caught_ = false;
  bool is_skipped_ = false;
  std::map<std::string, std::string> undoes_;  ///< a compensation, and what it undoes
  std::vector<std::string> undone_, undoing_;
  std::string is_entered_after_error_;
  std::vector<std::string> after_error_;
};

}  // namespace

std::string timeline_as_text(const Json& story, int width, bool colours) {
  return Timeline{story, width, colours}.draw();
}

}  // namespace remuda::cli
