remuda_test(saga_simulation TIMEOUT 600
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/saga_simulation.cpp ${CMAKE_CURRENT_LIST_DIR}/saga_world.cpp
  LIBRARIES remuda_saga_orchestrator LABELS simulation)
