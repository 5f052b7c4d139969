remuda_test(test_message
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/message_test.cpp ${CMAKE_CURRENT_LIST_DIR}/msgpack_reader_test.cpp
  LIBRARIES remuda_message)
