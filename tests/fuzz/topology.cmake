remuda_fuzz(topology_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/topology_fuzz.cpp LIBRARIES remuda_topology)
if(REMUDA_FUZZ)
  # Seeds: what ships, and everything that is known to be broken in a way of its own. New inputs go to the build folder.
  set(topology_corpus ${CMAKE_CURRENT_BINARY_DIR}/topology_corpus)
  file(MAKE_DIRECTORY ${topology_corpus})
  add_test(NAME topology_fuzz
    COMMAND topology_fuzz -max_total_time=${REMUDA_FUZZ_SECONDS} -rss_limit_mb=256 -timeout=5 -max_len=4096 -verbosity=0
            ${topology_corpus} ${CMAKE_CURRENT_LIST_DIR}/../unit/topology/broken ${CMAKE_CURRENT_LIST_DIR}/../../launch)
  set_tests_properties(topology_fuzz PROPERTIES LABELS fuzz)
endif()
