# Seeds: what ships, and everything that is known to be broken in a way of its own.
remuda_fuzz(topology_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/topology_fuzz.cpp LIBRARIES remuda_topology TIMEOUT 5
  CORPUS ${CMAKE_CURRENT_LIST_DIR}/../unit/topology/broken ${CMAKE_CURRENT_LIST_DIR}/../../launch)
