// check_history FOLDER: checks the histories (*.history) of one run. Prints figures; exit code 1 and the first stories when a
// promise was broken.

#include <algorithm>
#include <iostream>

#include "tests/chaos/history_checker.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: check_history FOLDER\n", 2;
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator{argv[1]}) {
    if (file.path().extension() == ".history") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<remuda::chaos::Entry> entries;
  for (std::uint32_t client = 0; client < files.size(); ++client) remuda::chaos::read_history(files[client], client, entries);
  const std::size_t count = entries.size();
  const remuda::chaos::Verdict verdict = remuda::chaos::check_history(entries);
  std::cout << "entries " << count << " asked " << verdict.asked << " confirmed " << verdict.confirmed << " deliveries "
            << verdict.deliveries << " redeliveries " << verdict.redeliveries << " deletes " << verdict.deletes << " stale_handles "
            << verdict.stale_handles << " dead_letters " << verdict.dead_letters << " groups " << verdict.groups;
  std::uint64_t violations = 0;
  for (const auto& [invariant, times] : verdict.violations) violations += times;
  std::cout << " lost " << verdict.count("I1 no loss") << " after_delete " << verdict.count("I3 no resurrection")
            << " fifo_violations " << verdict.count("F1-F3 group order") << " violations " << violations << '\n';
  for (const auto& [invariant, times] : verdict.violations) std::cerr << invariant << ": " << times << " times\n";
  for (const std::string& story : verdict.stories) std::cerr << story << '\n';
  return violations == 0 ? 0 : 1;
}
