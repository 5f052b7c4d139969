# Ride completion from HTTP to the ledgers. REMUDA_RIDES=10000 is the long run.
add_test(NAME ride_completion COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/ride_completion_test.py ${PROJECT_BINARY_DIR}/bin)
set_tests_properties(ride_completion PROPERTIES TIMEOUT 600 LABELS end_to_end RUN_SERIAL ON)

# Every launch file, its client, and a line for each row of the mission that they show.
add_test(NAME use_cases COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/use_cases_test.py ${PROJECT_BINARY_DIR}/bin)
set_tests_properties(use_cases PROPERTIES TIMEOUT 600 LABELS end_to_end RUN_SERIAL ON)

# The rows of use case 4, each under a name of its own.
foreach(row U4.1:happy_path U4.2:pre_authorisation_fails U4.3:charge_fails U4.4:account_update_fails U4.5:transient_faults U4.6:compensation_fails
            U4.7:orchestrator_crashes U4.8:registration_fails U4.9:choreographed)
  string(REPLACE ":" ";" row ${row})
  list(GET row 0 number)
  list(GET row 1 case)
  add_test(NAME ${number}_${case} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/use_cases_test.py ${PROJECT_BINARY_DIR}/bin ${case})
  set_tests_properties(${number}_${case} PROPERTIES TIMEOUT 300 LABELS end_to_end RUN_SERIAL ON)
endforeach()

# An outside node against what `cmake --install` puts in place.
add_test(NAME installed_package COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/installed_package/run ${PROJECT_BINARY_DIR})
set_tests_properties(installed_package PROPERTIES TIMEOUT 300 LABELS end_to_end)

# Requests for quotes from HTTP to the result. REMUDA_RFQS=500 is how many.
add_test(NAME instant_ride_rfq COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/instant_ride_rfq_test.py ${PROJECT_BINARY_DIR}/bin)
set_tests_properties(instant_ride_rfq PROPERTIES TIMEOUT 600 LABELS end_to_end RUN_SERIAL ON)

# The same on two machines, which are network namespaces here. REMUDA_RIDES=10000 REMUDA_CUTS=20 REMUDA_CUT_SECONDS=10 is the long run. Needs root.
add_test(NAME two_hosts COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/two_hosts_test.py ${PROJECT_BINARY_DIR}/bin)
set_tests_properties(two_hosts PROPERTIES TIMEOUT 900 LABELS end_to_end RUN_SERIAL ON SKIP_RETURN_CODE 77)
