# One suite for every kind of channel, over its real transport.
remuda_test(test_channels
  SOURCES channels/channel_suite_test.cpp channels/channel_promises_test.cpp channels/gathered_test.cpp channels/hold_test.cpp channels/request_channel_test.cpp channels/queued_request_test.cpp channels/stream_channel_test.cpp
  LIBRARIES remuda_memory_channels
  LABELS conformance threads)
target_compile_definitions(test_channels PRIVATE REMUDA_BROKER="$<TARGET_FILE:remuda-broker>")
add_dependencies(test_channels remuda-broker)

# A real node process on a real broker.
add_executable(copying_node channels/copying_node.cpp)
set_target_properties(copying_node PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(copying_node PRIVATE remuda_node)
remuda_test(test_node_process
  SOURCES channels/node_process_test.cpp
  LIBRARIES remuda_node
  LABELS conformance threads
  TIMEOUT 120)
target_compile_definitions(test_node_process PRIVATE REMUDA_BROKER="$<TARGET_FILE:remuda-broker>" COPYING_NODE="$<TARGET_FILE:copying_node>")
add_dependencies(test_node_process remuda-broker copying_node)
