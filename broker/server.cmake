# The server around engine and journal: translation between wire and engine, and the loop.
remuda_library(remuda_broker_server
  SOURCES
    access.cpp background_scrub.cpp broker.cpp broker_backup.cpp broker_damage.cpp broker_declarations.cpp broker_messages.cpp broker_operations.cpp broker_replies.cpp broker_sessions.cpp broker_streams.cpp connections.cpp
    grouping.cpp live_feed.cpp move_runner.cpp topics.cpp
  LIBRARIES remuda_engine remuda_journal remuda_filter remuda_wire remuda_message)
target_link_libraries(remuda_broker_server PRIVATE OpenSSL::Crypto)
remuda_executable(remuda-broker
  SOURCES main.cpp options.cpp broker_loop.cpp self_test.cpp
  LIBRARIES remuda_broker_server remuda_control remuda_topology remuda_declarations CLI11::CLI11 nlohmann_json::nlohmann_json)
