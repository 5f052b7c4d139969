remuda_fuzz(filter_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/filter_fuzz.cpp LIBRARIES remuda_filter
  DICTIONARY ${CMAKE_CURRENT_LIST_DIR}/filter.dict)
remuda_fuzz(message_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/message_fuzz.cpp LIBRARIES remuda_message)
