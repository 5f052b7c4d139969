# The power is cut at every storage call of engine and journal: 20,000 cuts here, REMUDA_CRASH_POINTS=2000000 for a night.
remuda_test(crash_points TIMEOUT 300 SOURCES ${CMAKE_CURRENT_LIST_DIR}/crash_points.cpp LIBRARIES remuda_engine remuda_memory_disk
  LABELS simulation)
