remuda_test(test_wire SOURCES wire_test.cpp LIBRARIES remuda_wire)
remuda_test(test_socket SOURCES socket_test.cpp log_test.cpp LIBRARIES remuda_wire LABELS threads)
