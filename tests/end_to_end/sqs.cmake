# The SQS gateway with the clients of Amazon: boto3, Celery, awscli, the SDK for JavaScript, and plain HTTP.
foreach(stories queues messages fifo topics signatures labs celery other_clients)
  add_test(NAME sqs_${stories} COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/sqs/${stories}_test.py ${PROJECT_BINARY_DIR}/bin)
  set_tests_properties(sqs_${stories} PROPERTIES TIMEOUT 300 LABELS end_to_end)
endforeach()
