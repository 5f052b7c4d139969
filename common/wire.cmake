# The wire protocol, sockets, the broker client and the log.
remuda_library(remuda_wire
  SOURCES wire_request_reader.cpp wire_request_writer.cpp wire_replies.cpp wire_stream_replies.cpp socket.cpp zmtp/curve.cpp zmtp/protocol.cpp zmtp/stream_socket.cpp zmtp/stream.cpp
    keys/key_folder.cpp zmtp/router.cpp zmtp/dealer.cpp broker_client.cpp broker_session.cpp blocking_broker_client.cpp log.cpp
  LIBRARIES remuda_message remuda_keys PkgConfig::ZeroMQ msgpackc-cxx)
target_link_libraries(remuda_wire PRIVATE spdlog::spdlog fmt::fmt PkgConfig::Sodium)
