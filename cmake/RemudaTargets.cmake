# How every target of this project is built: one place for flags, one function per kind of target.

add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -fstack-protector-strong
  $<$<BOOL:${REMUDA_WERROR}>:-Werror>
  # False alarms of g++ 12 in the standard library's own string code once it optimises (GCC bugs 105562 and 105651).
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-maybe-uninitialized;-Wno-restrict>"
  "$<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
add_link_options(-Wl,-z,relro,-z,now)
if(REMUDA_SANITIZE)
  add_compile_options(-fsanitize=${REMUDA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REMUDA_SANITIZE})
endif()
if(REMUDA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Includes are rooted at the tree, and at include/remuda once installed: the same line works in both places.
add_library(remuda_flags INTERFACE)
target_compile_features(remuda_flags INTERFACE cxx_std_20)
target_include_directories(remuda_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/remuda>)

# remuda_library(NAME SOURCES a.cpp... LIBRARIES lib...)
function(remuda_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC remuda_flags ${arg_LIBRARIES})
endfunction()

# remuda_executable(NAME SOURCES a.cpp... LIBRARIES lib...): built into bin/ and installed.
function(remuda_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE remuda_flags ${arg_LIBRARIES})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# remuda_test(NAME SOURCES a_test.cpp... LIBRARIES lib... [TIMEOUT seconds] [LABELS l...]): one Boost.Test program, one ctest entry.
# The first source carries BOOST_TEST_MODULE, the program's name, and with it the test framework's `main`.
function(remuda_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE BOOST_TEST_DYN_LINK)
  list(GET arg_SOURCES 0 first_source)
  set_property(SOURCE ${first_source} APPEND PROPERTY COMPILE_DEFINITIONS BOOST_TEST_MODULE=${name})
  target_link_libraries(${name} PRIVATE remuda_flags Boost::unit_test_framework ${arg_LIBRARIES})
  add_test(NAME ${name} COMMAND ${name} --log_level=test_suite --report_level=short)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
  if(arg_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}")
  endif()
endfunction()

# remuda_fuzz(NAME SOURCES a.cpp... LIBRARIES lib...): one libFuzzer target, built only with REMUDA_FUZZ (clang).
function(remuda_fuzz name)
  if(NOT REMUDA_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  target_link_libraries(${name} PRIVATE remuda_flags ${arg_LIBRARIES} -fsanitize=fuzzer)
endfunction()
