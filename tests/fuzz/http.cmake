remuda_fuzz(http_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/http_fuzz.cpp LIBRARIES remuda_http MAX_LEN 65536 TIMEOUT 5)
remuda_fuzz(ride_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/ride_fuzz.cpp LIBRARIES remuda_rides MAX_LEN 65536 TIMEOUT 5)
