# What a node links: the control channel, and the runtime that wires ports to channels.
remuda_library(remuda_control
  SOURCES control_messages.cpp control_client.cpp
  LIBRARIES remuda_message PkgConfig::ZeroMQ Threads::Threads)

configure_file(version.hpp.in ${PROJECT_BINARY_DIR}/generated/remuda/version.hpp @ONLY)
remuda_library(remuda_node
  SOURCES
    node.cpp parameters.cpp failure_injection.cpp
    runtime/describe.cpp runtime/port_binding.cpp runtime/node_options.cpp runtime/wiring.cpp runtime/stop_signals.cpp
    runtime/handler_call.cpp runtime/settler.cpp runtime/node_figures.cpp runtime/node_runtime.cpp runtime/handover.cpp runtime/run_node.cpp
    channels/broker_connection.cpp channels/queue.cpp channels/stream.cpp channels/topic.cpp
    channels/direct_wire.cpp channels/direct_input.cpp channels/pipe.cpp channels/pubsub.cpp
    channels/request_output.cpp channels/request_input.cpp channels/request_delivery.cpp channels/queued_request.cpp
  LIBRARIES remuda_message remuda_control remuda_wire remuda_filter)

# Channels whose other side is a test.
remuda_library(remuda_memory_channels
  SOURCES channels/memory.cpp
  LIBRARIES remuda_node)
