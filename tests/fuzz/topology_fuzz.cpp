// Launch files and broker definitions from anywhere: whatever the bytes, checking ends with a plan or with explanations, and the
// explanations, the resolved view and the pictures can be shown.

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/topology/config_view.hpp"
#include "common/topology/definitions.hpp"
#include "common/topology/graph.hpp"
#include "common/topology/wiring.hpp"
#include "tests/unit/topology/executables.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remuda::topology;
  const std::string text{reinterpret_cast<const char*>(data), size};
  Surroundings surroundings;
  surroundings.read = [&](const std::string& path) -> remuda::Result<std::string> {
    if (path == "part.toml") return std::string{"schema = 1\nargs = { x = 1 }\n[queues.part]\n"};
    if (path == "fuzz.toml" || path == "again/fuzz.toml") return text;
    return remuda::fail("no_such_file", "no such file");
  };
  surroundings.describe = testing::describe;
  const Topology topology = resolve("fuzz.toml", surroundings);
  static_cast<void>(render(topology.diagnostics, {true, 80}));
  static_cast<void>(render_json(topology.diagnostics));
  const Graph graph = graph_of(topology.plan);
  static_cast<void>(graph_as_text(graph));
  static_cast<void>(graph_as_svg(graph));
  static_cast<void>(graph_as_dot(graph));
  static_cast<void>(config_as_toml(topology.file, topology.plan));
  static_cast<void>(config_as_json(topology.file, topology.plan));
  static_cast<void>(read_definitions(text, "fuzz.toml", "main").ok());
  return 0;
}
