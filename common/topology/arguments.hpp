#pragma once
// [args]: what a launch file lets its user choose, and `--set name=value`, which chooses.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/topology/launch_file.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

/// Reads the declarations: `workers = { type = "int", default = 3, help = "..." }`, or `workers = 3` for short.
[[nodiscard]] std::vector<ArgumentSpec> read_arguments(const Value& table, const Environment& environment,
                                                       Diagnostics& diagnostics);

/// Gives `argument` a value written in a launch file; a wrong type is reported (T011) and leaves it as it was.
void set_argument(ArgumentSpec& argument, const Value& value, Diagnostics& diagnostics);

/// What `--set` gave.
class Settings {
 public:
  Settings(const std::vector<std::pair<std::string, std::string>>& given, Diagnostics& diagnostics)
      : given_{given}, diagnostics_{diagnostics} {}

  /// Gives the argument its value from the command line, where it is called `name`, if there is one.
  void apply(const std::string& name, ArgumentSpec& argument);
  /// Reports (T010) what no file declares.
  void report_unused(const std::vector<ArgumentSpec>& declared);

 private:
  const std::vector<std::pair<std::string, std::string>>& given_;
  Diagnostics& diagnostics_;

  [[nodiscard]] Place command_line(const std::string& name);
};

}  // namespace remuda::topology
