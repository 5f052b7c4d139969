# Replicas come and leave while messages and requests flow. REMUDA_SCALE_MESSAGES=1000000 REMUDA_SCALES=99 is the long form.
if(TARGET remuda AND TARGET remuda-broker AND TARGET recipient_list)
  add_test(NAME scale
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/scale_test.py $<TARGET_FILE_DIR:remuda>)
  set_tests_properties(scale PROPERTIES TIMEOUT 600 LABELS end_to_end RUN_SERIAL ON)
endif()
