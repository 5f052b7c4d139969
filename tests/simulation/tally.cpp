#include "tests/simulation/tally.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <stdexcept>
#include <string>

namespace remuda::broker::test {

namespace {
/// Calls `visit(kind, name, count)` for everything that is counted. Commands that write no record cannot lose it.
template <class Visit, class Counts, class Names>
void each_of(std::string_view kind, const Counts& counts, const Names& names, Visit&& visit) {
  for (std::size_t i = 0; i < names.size(); ++i) visit(kind, names[i], counts[i]);
}
bool writes_a_record(std::string_view command) {
  return command != "cancel receives";
}
}  // namespace

void Tally::refused(std::string_view code) {
  const auto found = std::find(error_codes.begin(), error_codes.end(), code);
  if (found == error_codes.end()) throw std::runtime_error("an error code that the simulation does not know: " + std::string{code});
  ++errors_[static_cast<std::size_t>(found - error_codes.begin())];
}

void Tally::print(std::ostream& out) const {
  std::string_view before;
  const auto line = [&](std::string_view kind, std::string_view name, std::uint64_t count) {
    if (kind != before) out << kind << '\n';
    before = kind;
    out << "  " << std::left << std::setw(34) << name << std::right << std::setw(14) << count << '\n';
  };
  out << operations << " operations, " << crashes << " crashes, " << clock_jumps << " clock jumps\n";
  each_of("checked", invariants_, invariant_names, line);
  each_of("commands", commands_, command_names, line);
  each_of("refusals", errors_, error_codes, line);
  each_of("transitions", transitions_, transition_names, line);
  out << "crashes after a command: record kept, lost\n";
  for (std::size_t i = 0; i < command_names.size(); ++i)
    out << "  " << std::left << std::setw(34) << command_names[i] << std::right << std::setw(14) << crashes_[i][0] << std::setw(14)
        << crashes_[i][1] << '\n';
}

std::size_t Tally::print_missing(std::ostream& out) const {
  std::size_t missing = 0;
  const auto look = [&](std::string_view kind, std::string_view name, std::uint64_t count) {
    if (count > 0) return;
    ++missing;
    out << "never reached: " << kind << ": " << name << '\n';
  };
  each_of("checked", invariants_, invariant_names, look);
  each_of("command", commands_, command_names, look);
  each_of("refusal", errors_, error_codes, look);
  each_of("transition", transitions_, transition_names, look);
  for (std::size_t i = 0; i < command_names.size(); ++i) {
    if (!writes_a_record(command_names[i])) continue;
    look("crash with its record kept", command_names[i], crashes_[i][0]);
    look("crash with its record lost", command_names[i], crashes_[i][1]);
  }
  return missing;
}

}  // namespace remuda::broker::test
