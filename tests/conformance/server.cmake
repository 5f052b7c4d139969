# Against a real remuda-broker: the independent Python client, and our own C++ client.
add_test(NAME conformance_python
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/queue_conformance.py $<TARGET_FILE:remuda-broker>)
add_test(NAME conformance_fifo
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/fifo_conformance.py $<TARGET_FILE:remuda-broker>)
add_test(NAME conformance_limits
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/limits_conformance.py $<TARGET_FILE:remuda-broker>)
add_test(NAME conformance_streams
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/stream_conformance.py $<TARGET_FILE:remuda-broker>)
set_tests_properties(conformance_python conformance_fifo conformance_limits conformance_streams PROPERTIES TIMEOUT 600 LABELS "conformance;threads")

remuda_test(test_broker_client
  SOURCES broker_client_test.cpp
  LIBRARIES remuda_wire
  LABELS conformance threads
  TIMEOUT 120)
target_compile_definitions(test_broker_client PRIVATE REMUDA_BROKER="$<TARGET_FILE:remuda-broker>")
add_dependencies(test_broker_client remuda-broker)
