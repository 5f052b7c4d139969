# Ride completion from HTTP to the ledgers. REMUDA_RIDES=10000 is the long run.
add_test(NAME ride_completion COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/ride_completion_test.py ${PROJECT_BINARY_DIR}/bin)
set_tests_properties(ride_completion PROPERTIES TIMEOUT 600 LABELS end_to_end RUN_SERIAL ON)

# An outside node against what `cmake --install` puts in place.
add_test(NAME installed_package COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/installed_package/run ${PROJECT_BINARY_DIR})
set_tests_properties(installed_package PROPERTIES TIMEOUT 300 LABELS end_to_end)
