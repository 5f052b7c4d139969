remuda_test(test_runtime
  SOURCES settlement_test.cpp receiver_settlement_test.cpp ordered_settlement_test.cpp node_runtime_test.cpp handover_test.cpp
  LIBRARIES remuda_memory_channels
  LABELS threads)
remuda_test(test_node_surface
  SOURCES parameters_test.cpp control_test.cpp failure_injection_test.cpp
  LIBRARIES remuda_node
  LABELS threads)
