// `remuda check` on every broken launch file of the corpus: each error in one pass, at its place, with what to do.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "common/topology/wiring.hpp"
#include "tests/unit/topology/executables.hpp"
#include "tests/unit/topology/golden.hpp"

namespace remuda::topology {
namespace {

namespace fs = std::filesystem;
const fs::path corpus = fs::path{REMUDA_SOURCE_FOLDER} / "tests/unit/topology/broken";

std::vector<fs::path> broken_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{corpus}) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Topology resolve_broken(const fs::path& file) {
  Surroundings surroundings;
  surroundings.read = [](const std::string& path) { return testing::read_text(corpus / path); };
  surroundings.describe = testing::describe;
  surroundings.executables = testing::executables();
  return resolve(file.filename().string(), surroundings);
}

BOOST_AUTO_TEST_CASE(every_broken_file_is_explained_as_recorded) {
  const auto files = broken_files();
  BOOST_TEST(files.size() >= 32U);
  for (const auto& file : files) {
    const Topology topology = resolve_broken(file);
    testing::equals_golden(render(topology.diagnostics, {false, 80}), fs::path{file}.replace_extension(".expected"));
    BOOST_TEST((topology.diagnostics.errors() + topology.diagnostics.warnings()) > 0U, file);
  }
}

BOOST_AUTO_TEST_CASE(no_line_of_an_explanation_is_wider_than_the_terminal) {
  for (const auto& file : broken_files()) {
    std::istringstream lines{render(resolve_broken(file).diagnostics, {false, 80})};
    for (std::string line; std::getline(lines, line);) {
      const auto columns =
          std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
      BOOST_TEST(columns <= 80, file.filename() << ": " << line);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_json_form_has_one_object_per_finding) {
  for (const auto& file : broken_files()) {
    const Topology topology = resolve_broken(file);
    const std::string json = render_json(topology.diagnostics);
    const auto lines = static_cast<std::size_t>(std::count(json.begin(), json.end(), '\n'));
    BOOST_TEST(lines == topology.diagnostics.errors() + topology.diagnostics.warnings(), file.filename());
  }
}

}  // namespace
}  // namespace remuda::topology
