#pragma once
// Planted bugs, to show that the tests would notice them: `if (REMUDA_MUTANT(7)) ...` stands beside the line that it breaks,
// and tests/mutants/mutants.txt says what each is and who catches it. Only a build with REMUDA_MUTANTS=ON (the dev preset)
// holds them, one of them at a time, chosen by the environment variable REMUDA_MUTANT when a program starts; in every other
// build they are gone.

#ifdef REMUDA_MUTANTS
#include <cstdlib>

namespace remuda {

inline const int chosen_mutant = [] {
  const char* number = std::getenv("REMUDA_MUTANT");
  return number == nullptr ? 0 : std::atoi(number);
}();

}  // namespace remuda

#define REMUDA_MUTANT(number) (__builtin_expect(::remuda::chosen_mutant == (number), 0))
#else
#define REMUDA_MUTANT(number) false
#endif
