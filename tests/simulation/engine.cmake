remuda_test(engine_simulation TIMEOUT 300
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/engine_simulation.cpp ${CMAKE_CURRENT_LIST_DIR}/queue_model.cpp ${CMAKE_CURRENT_LIST_DIR}/simulation.cpp
    ${CMAKE_CURRENT_LIST_DIR}/simulated_checks.cpp ${CMAKE_CURRENT_LIST_DIR}/simulated_deliveries.cpp
    ${CMAKE_CURRENT_LIST_DIR}/simulated_messages.cpp ${CMAKE_CURRENT_LIST_DIR}/simulated_queues.cpp
    ${CMAKE_CURRENT_LIST_DIR}/simulated_settling.cpp ${CMAKE_CURRENT_LIST_DIR}/tally.cpp
  LIBRARIES remuda_engine LABELS simulation)
if(REMUDA_SANITIZE)
  target_compile_definitions(engine_simulation PRIVATE REMUDA_SIMULATION_SLOW)
endif()
remuda_test(stream_simulation SOURCES ${CMAKE_CURRENT_LIST_DIR}/stream_simulation.cpp LIBRARIES remuda_engine)
