# A topic on one broker, its queues on another, and kill -9 for everybody. REMUDA_OUTBOX_MESSAGES=1000000 REMUDA_OUTBOX_KILLS=100 is the long form.
if(TARGET remuda AND TARGET remuda-broker AND TARGET forwarder)
  add_test(NAME outbox
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/outbox_test.py $<TARGET_FILE_DIR:remuda>)
  set_tests_properties(outbox PROPERTIES TIMEOUT 300 LABELS end_to_end RUN_SERIAL ON)
endif()
