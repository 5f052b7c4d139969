remuda_fuzz(saga_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/saga_fuzz.cpp LIBRARIES remuda_saga)
