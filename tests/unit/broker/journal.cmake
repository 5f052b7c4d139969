# The journal: its bytes, its promises, its faults. One library for the disk that fails on demand, shared with the fuzz target.
remuda_library(remuda_memory_disk SOURCES ${CMAKE_CURRENT_LIST_DIR}/memory_disk.cpp LIBRARIES remuda_journal)
target_include_directories(remuda_memory_disk PUBLIC ${CMAKE_CURRENT_LIST_DIR})

remuda_test(test_journal
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/journal_format_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/journal_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/journal_recovery_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/journal_storage_trouble_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/journal_real_files_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/journal_scrub_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/body_cache_test.cpp
  LIBRARIES remuda_memory_disk
  LABELS threads)
target_compile_definitions(test_journal PRIVATE REMUDA_JOURNAL_DOCUMENT="${CMAKE_CURRENT_LIST_DIR}/../../../broker/journal/JOURNAL.md")

remuda_test(test_journal_power_cut TIMEOUT 300 SOURCES ${CMAKE_CURRENT_LIST_DIR}/journal_power_cut_test.cpp LIBRARIES remuda_memory_disk)
remuda_test(test_journal_corruption TIMEOUT 120 SOURCES ${CMAKE_CURRENT_LIST_DIR}/journal_corruption_test.cpp LIBRARIES remuda_memory_disk)
