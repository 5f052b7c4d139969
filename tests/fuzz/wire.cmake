remuda_fuzz(wire_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/wire_fuzz.cpp LIBRARIES remuda_wire
  DICTIONARY ${CMAKE_CURRENT_LIST_DIR}/wire.dict)
remuda_fuzz(direct_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/direct_fuzz.cpp LIBRARIES remuda_node
  DICTIONARY ${CMAKE_CURRENT_LIST_DIR}/wire.dict)
remuda_fuzz(zmtp_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/zmtp_fuzz.cpp LIBRARIES remuda_wire)
