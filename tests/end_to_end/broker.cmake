# What an operator does with a broker's data folder.
if(TARGET remuda AND TARGET remuda-broker)
  add_test(NAME broker_backup COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/broker_backup_test.py ${PROJECT_BINARY_DIR}/bin)
  set_tests_properties(broker_backup PROPERTIES TIMEOUT 120 LABELS end_to_end)
  add_test(NAME broker_damage COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/broker_damage_test.py ${PROJECT_BINARY_DIR}/bin)
  set_tests_properties(broker_damage PROPERTIES TIMEOUT 240 LABELS end_to_end)
endif()
# Who may reach a queue node from beyond its machine.
if(TARGET remuda AND TARGET remuda-broker)
  add_test(NAME keys COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/keys_test.py ${PROJECT_BINARY_DIR}/bin)
  set_tests_properties(keys PROPERTIES TIMEOUT 120 LABELS end_to_end)
  add_test(NAME argv COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/argv_test.py ${PROJECT_BINARY_DIR}/bin)
  set_tests_properties(argv PROPERTIES TIMEOUT 120 LABELS end_to_end)
endif()
