# Nodes are swapped while messages and requests flow. REMUDA_SWAP_MESSAGES=1000000 REMUDA_SWAPS=100 is the long form.
if(TARGET remuda AND TARGET remuda-broker AND TARGET recipient_list)
  add_test(NAME swap
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/swap_test.py $<TARGET_FILE_DIR:remuda>)
  set_tests_properties(swap PROPERTIES TIMEOUT 600 LABELS end_to_end RUN_SERIAL ON)
endif()
