// Any bytes as a path, as an expression, as a definition and as a line of `remuda saga test`.
// Checked besides memory: every refusal has a reason and a place inside the text; a definition that is accepted starts.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/saga/execution.hpp"
#include "common/saga/rehearsal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remuda::saga;
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const Json sample{{"a", {1, 2, {{"b", "x"}}}}, {"c", nullptr}};

  const auto path = Path::parse(input);
  if (path) {
    static_cast<void>(path->select(sample));
    Json target = sample;
    if (path->is_reference()) static_cast<void>(path->put(target, 1));
  } else if (path.error().empty()) {
    std::abort();
  }
  if (const auto expression = Expression::parse(input)) {
    Random random{1};
    static_cast<void>(expression->evaluate({sample, sample, random}));
  }

  const Reading reading = read_definition(input);
  for (const Problem& problem : reading.problems) {
    if (problem.text.empty() || problem.offset > input.size()) std::abort();
  }
  if (reading.definition) {
    Execution execution{*reading.definition, {"fuzz", "fuzz"}};
    if (execution.apply(Start{sample}, Time{}).empty()) std::abort();
  }
  if (!rehearse_line(input).starts_with('{')) std::abort();
  return 0;
}
