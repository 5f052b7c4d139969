# Seeds: a real store untouched; damaged in its middle; a bare header; each short, the target builds the rest.
set(journal_seeds ${CMAKE_CURRENT_BINARY_DIR}/journal_seeds)
file(WRITE ${journal_seeds}/untouched "@")
file(WRITE ${journal_seeds}/patched "@1110AAAA")
file(WRITE ${journal_seeds}/salvaged "A1110AAAA")
file(WRITE ${journal_seeds}/planted "B000@@RMDAJRNL")
remuda_fuzz(journal_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/journal_fuzz.cpp LIBRARIES remuda_memory_disk TIMEOUT 5
  CORPUS ${journal_seeds})
