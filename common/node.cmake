# What a node links: the control channel, and the runtime that wires ports to channels.
remuda_library(remuda_control
  SOURCES control_messages.cpp control_client.cpp
  LIBRARIES remuda_message PkgConfig::ZeroMQ Threads::Threads)

remuda_library(remuda_node
  SOURCES node.cpp parameters.cpp
  LIBRARIES remuda_message remuda_control)
if(TARGET remuda_wire)
  target_link_libraries(remuda_node PUBLIC remuda_wire)
endif()
