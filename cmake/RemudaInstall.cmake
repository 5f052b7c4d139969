# What `cmake --install` puts in place: programs, launch files, headers, libraries and the CMake package `Remuda`.
include(CMakePackageConfigHelpers)

# Every library that a node links, by walking from remuda_node.
function(remuda_collect_libraries target seen)
  set(known ${${seen}})
  if(target IN_LIST known)
    return()
  endif()
  list(APPEND known ${target})
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  foreach(library ${libraries})
    string(REGEX REPLACE "\\$<LINK_ONLY:(.*)>" "\\1" library "${library}")
    if(TARGET ${library} AND library MATCHES "^remuda_")
      remuda_collect_libraries(${library} known)
    endif()
  endforeach()
  set(${seen} ${known} PARENT_SCOPE)
endfunction()

set(exported "")
remuda_collect_libraries(remuda_node exported)
set_target_properties(remuda_node PROPERTIES EXPORT_NAME node)
install(TARGETS ${exported} EXPORT RemudaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT RemudaTargets NAMESPACE Remuda:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Remuda)
configure_package_config_file(cmake/RemudaConfig.cmake.in ${PROJECT_BINARY_DIR}/RemudaConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Remuda)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/RemudaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/RemudaConfig.cmake ${PROJECT_BINARY_DIR}/RemudaConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Remuda)
install(DIRECTORY common DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/remuda FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY launch configs DESTINATION ${CMAKE_INSTALL_DATADIR}/remuda FILES_MATCHING PATTERN "*.toml" PATTERN "*.json")
