# The `remuda` command and its supervisor, with the real broker and a real node.
if(TARGET remuda AND TARGET remuda-broker AND TARGET printer)
  add_test(NAME end_to_end_command_line
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/command_line_test.py $<TARGET_FILE_DIR:remuda>)
  set_tests_properties(end_to_end_command_line PROPERTIES TIMEOUT 300 LABELS end_to_end)
endif()
