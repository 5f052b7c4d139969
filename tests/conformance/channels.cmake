# One suite for every kind of channel, over its real transport.
remuda_test(test_channels
  SOURCES channels/channel_suite_test.cpp channels/request_channel_test.cpp
  LIBRARIES remuda_memory_channels
  LABELS conformance)
target_compile_definitions(test_channels PRIVATE REMUDA_BROKER="$<TARGET_FILE:remuda-broker>")
add_dependencies(test_channels remuda-broker)
