#pragma once
// Golden files: expected text beside its input. REMUDA_REGENERATE=1 writes them anew; commit only what you can explain.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/result.hpp"

namespace remuda::topology::testing {

inline Result<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail("no_such_file", "no such file");
  return std::move(text).str();
}

inline void equals_golden(const std::string& text, const std::filesystem::path& golden) {
  if (std::getenv("REMUDA_REGENERATE") != nullptr) {
    std::ofstream{golden, std::ios::binary} << text;
    return;
  }
  const auto expected = read_text(golden);
  BOOST_TEST_CONTEXT(golden.filename().string()) {
    BOOST_REQUIRE(expected.ok());
    BOOST_TEST(text == *expected);
  }
}

}  // namespace remuda::topology::testing
