# How every target of this project is built: one place for flags, one function per kind of target.

add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -fstack-protector-strong
  $<$<BOOL:${REMUDA_WERROR}>:-Werror>
  # False alarms of g++ 12 in the standard library's own string and variant code once it optimises (GCC bugs 105562, 105651, 105329).
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds;-Wno-free-nonheap-object>"
  "$<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
add_link_options(-Wl,-z,relro,-z,now)
if(REMUDA_SANITIZE)
  add_compile_options(-fsanitize=${REMUDA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # GCC's manual: with a sanitizer such warnings have more false alarms; the dev build keeps them.
  # Asio's fences, which the thread sanitizer does not understand, only repeat what its locks already order.
  add_compile_options("$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow;-Wno-tsan>")
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

# The standard headers that most sources read, parsed once instead of once a source: a fifth of the build's time. Every source still
# includes what it uses: the lint and fuzz presets build without this.
option(REMUDA_PRECOMPILED_HEADERS "Precompile the standard headers, and Boost.Test for the tests" ON)
set(REMUDA_STANDARD_HEADERS <algorithm> <chrono> <cstddef> <cstdint> <functional> <map> <memory> <optional> <ostream> <span> <sstream>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>)
if(REMUDA_PRECOMPILED_HEADERS)
  if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache$")  # which keeps what used a precompiled header only when told so
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CMAKE_CXX_COMPILER_LAUNCHER})
  endif()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/standard_headers.cpp CONTENT "")
  add_library(remuda_standard_headers OBJECT ${PROJECT_BINARY_DIR}/generated/standard_headers.cpp)
  target_compile_features(remuda_standard_headers PRIVATE cxx_std_20)
  target_precompile_headers(remuda_standard_headers PRIVATE ${REMUDA_STANDARD_HEADERS})
endif()

# remuda_library(NAME SOURCES a.cpp... LIBRARIES lib...)
function(remuda_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC remuda_flags ${arg_LIBRARIES})
  if(REMUDA_PRECOMPILED_HEADERS)
    target_precompile_headers(${name} REUSE_FROM remuda_standard_headers)
  endif()
endfunction()

# remuda_executable(NAME SOURCES a.cpp... LIBRARIES lib...): built into bin/ and installed.
function(remuda_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE remuda_flags ${arg_LIBRARIES})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# What is worth the thread sanitizer's time: the tests labelled `threads`, and what they start. What is worth fuzzing: every decoder.
add_custom_target(threads_tests)
add_custom_target(fuzz_targets)

# The `main` of every test program, and the precompiled Boost.Test that all their sources share.
function(remuda_test_main source)
  add_library(remuda_test_main OBJECT ${source})
  target_compile_definitions(remuda_test_main PUBLIC BOOST_TEST_DYN_LINK)
  target_link_libraries(remuda_test_main PUBLIC remuda_flags Boost::unit_test_framework)
  if(REMUDA_PRECOMPILED_HEADERS)
    # An executable's sources are not compiled as a library's are, and a precompiled header serves only one of the two.
    set_target_properties(remuda_test_main PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_precompile_headers(remuda_test_main PRIVATE ${REMUDA_STANDARD_HEADERS} <boost/test/unit_test.hpp>)
  endif()
endfunction()

# remuda_test(NAME SOURCES a_test.cpp... LIBRARIES lib... [TIMEOUT seconds] [LABELS l...]): one Boost.Test program, one ctest entry.
function(remuda_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE remuda_test_main ${arg_LIBRARIES})
  if(REMUDA_PRECOMPILED_HEADERS)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_precompile_headers(${name} REUSE_FROM remuda_test_main)
  endif()
  add_test(NAME ${name} COMMAND ${name} --log_level=message --report_level=short)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(REMUDA_SANITIZE)  # a sanitizer makes a program several times slower; a limit here only ends what hangs
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  if(REMUDA_NIGHT)
    set(arg_TIMEOUT 28800)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
  if(arg_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}")
  endif()
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(threads_tests ${name})
  endif()
endfunction()

# remuda_fuzz(NAME SOURCES a.cpp... LIBRARIES lib... [MAX_LEN bytes] [TIMEOUT seconds of one input] [DICTIONARY file] [CORPUS folders...]):
# one libFuzzer target and one ctest entry, built only with REMUDA_FUZZ (clang). What it finds new goes to a corpus in the build folder.
#
# Every target runs under the same limits. The address sanitizer keeps freed memory aside, 256 MiB of it unless told otherwise: more
# than the whole limit on memory, which would then only measure for how long a target ran. With 16 MiB of it aside the limit is about
# our own code, and so is the one on a single allocation, which tells a count that was believed before its bytes were seen.
function(remuda_fuzz name)
  if(NOT REMUDA_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "MAX_LEN;TIMEOUT;DICTIONARY" "SOURCES;LIBRARIES;CORPUS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  target_link_libraries(${name} PRIVATE remuda_flags ${arg_LIBRARIES} -fsanitize=fuzzer)
  add_dependencies(fuzz_targets ${name})

  set(found ${CMAKE_CURRENT_BINARY_DIR}/${name}_corpus)
  file(MAKE_DIRECTORY ${found})
  if(NOT arg_MAX_LEN)
    set(arg_MAX_LEN 4096)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 10)
  endif()
  set(options -max_total_time=${REMUDA_FUZZ_SECONDS} -max_len=${arg_MAX_LEN} -timeout=${arg_TIMEOUT}
    -rss_limit_mb=256 -malloc_limit_mb=64 -verbosity=0 -print_final_stats=1)
  if(arg_DICTIONARY)
    list(APPEND options -dict=${arg_DICTIONARY})
  endif()
  add_test(NAME ${name} COMMAND ${name} ${options} ${found} ${arg_CORPUS})
  math(EXPR limit "${REMUDA_FUZZ_SECONDS} * 2 + 120")  # it ends by itself; this only ends what hangs
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT ${limit}
    ENVIRONMENT "ASAN_OPTIONS=quarantine_size_mb=16:detect_stack_use_after_return=1:strict_string_checks=1;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()
