// remuda filter test: which messages does a policy want, which events a pattern?

#include <memory>

#include "cli/verbs/verbs.hpp"
#include "common/filter/filter_test.hpp"

namespace remuda::cli {

Command filter_verb() {
  Command test{.name = "test", .summary = "Try filter policies on sample messages: JSON lines in, JSON lines out"};
  test.details =
      "In:   {\"policy\": {...}, \"scope\": \"MessageBody\"|\"MessageAttributes\",\n"
      "       \"attributes\": {\"NAME\": {\"Type\": \"String\", \"Value\": \"...\"}}, \"body\": \"text\"}\n"
      "      with --bus: {\"pattern\": {...}, \"event\": {...}}\n"
      "Out:  {\"match\": true}  {\"match\": false}  {\"error\": \"...\"}";
  auto bus = std::make_shared<bool>(false);
  test.options = {{"--bus", "Event patterns of a message bus instead of filter policies of a topic", bus.get()}};
  test.run = [bus](Terminal& terminal) {
    for (std::string line; std::getline(terminal.in, line);) {
      if (line.find_first_not_of(" \t\r") != std::string::npos)
        terminal.out << (*bus ? pattern_test_line(line) : filter_test_line(line)) << '\n';
    }
    return ExitCode::done;
  };
  Command command{.name = "filter", .summary = "Try filter policies without a broker"};
  command.subcommands.push_back(std::move(test));
  return command;
}

}  // namespace remuda::cli
