if(TARGET remuda_sqs_gateway)
  remuda_fuzz(sqs_fuzz SOURCES ${CMAKE_CURRENT_LIST_DIR}/sqs_fuzz.cpp LIBRARIES remuda_sqs_gateway MAX_LEN 65536 TIMEOUT 5)
endif()
