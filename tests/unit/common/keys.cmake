remuda_test(test_keys SOURCES tokens_test.cpp secret_file_test.cpp LIBRARIES remuda_keys)
