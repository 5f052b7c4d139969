# The power is cut at every storage call of engine and journal: 20,000 cuts here, REMUDA_CRASH_POINTS=2000000 for a night.
remuda_test(crash_points TIMEOUT 300 SOURCES ${CMAKE_CURRENT_LIST_DIR}/crash_points.cpp LIBRARIES remuda_engine remuda_memory_disk
  LABELS simulation)

# Every storage call and every allocation fails once, and for ever.
remuda_test(storage_faults TIMEOUT 300 SOURCES ${CMAKE_CURRENT_LIST_DIR}/storage_faults.cpp LIBRARIES remuda_engine remuda_memory_disk
  LABELS simulation)
