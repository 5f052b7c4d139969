remuda_test(test_wire SOURCES wire_test.cpp LIBRARIES remuda_wire)
remuda_test(test_socket SOURCES socket_test.cpp log_test.cpp LIBRARIES remuda_wire LABELS threads)
remuda_test(test_zmtp SOURCES zmtp_protocol_test.cpp zmtp_busy_wait_test.cpp zmtp_sockets_test.cpp zmtp_curve_test.cpp key_folder_test.cpp LIBRARIES remuda_wire LABELS threads)
