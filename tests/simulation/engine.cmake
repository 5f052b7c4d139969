remuda_test(engine_simulation SOURCES ${CMAKE_CURRENT_LIST_DIR}/engine_simulation.cpp LIBRARIES remuda_engine LABELS simulation)
