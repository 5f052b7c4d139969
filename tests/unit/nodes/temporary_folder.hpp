#pragma once
// A folder for one test, gone with it.

#include <stdlib.h>

#include <filesystem>
#include <string>

struct TemporaryFolder {
  std::string path = (std::filesystem::temp_directory_path() / "remuda-test-XXXXXX").string();
  TemporaryFolder() {
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error{"cannot make " + path};
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};
