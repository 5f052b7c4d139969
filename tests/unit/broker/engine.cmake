remuda_test(test_engine
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/engine_dead_letter_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_recovery_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/engine_fifo_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_deduplication_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/engine_moves_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_limits_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_progress_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_requests_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_stream_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_visibility_test.cpp
  LIBRARIES remuda_engine)
# The guarantees of QUEUE.md and the tests that show them.
add_test(NAME queue_document COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/queue_document_test.py)
