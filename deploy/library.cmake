# libcordon as other programs link it: shared (with symbol versions; what the map does not name is
# not there), and static (one object in which every other symbol is local, so that names such as
# file_read never meet those of the program).
set(CORDON_LIBRARY_ROOMS base wire trust policy library)
set(objects)
foreach(room IN LISTS CORDON_LIBRARY_ROOMS)
  set_target_properties(cordon_${room} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  list(APPEND objects $<TARGET_OBJECTS:cordon_${room}>)
endforeach()

add_library(libcordon SHARED ${objects})
set(map ${CMAKE_CURRENT_SOURCE_DIR}/deploy/libcordon.map)
set_target_properties(libcordon PROPERTIES OUTPUT_NAME cordon LINKER_LANGUAGE C LINK_DEPENDS ${map}
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_link_libraries(libcordon PRIVATE cordon_flags PkgConfig::SODIUM Threads::Threads)
target_link_options(libcordon PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined-version)
if(NOT CORDON_SANITIZE) # a sanitizer's own symbols come with the program
  target_link_options(libcordon PRIVATE -Wl,--no-undefined)
endif()

set(static ${CMAKE_BINARY_DIR}/libcordon.a)
add_custom_command(OUTPUT ${static} DEPENDS ${objects} VERBATIM COMMAND_EXPAND_LISTS
  COMMAND ${CMAKE_LINKER} -r -o libcordon.o ${objects}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --remove-section=.gnu.lto_* --keep-global-symbol=cordon_* libcordon.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static}
  COMMAND ${CMAKE_AR} rcs ${static} libcordon.o)
add_custom_target(libcordon_static ALL DEPENDS ${static})

configure_file(deploy/cordon.pc.in ${CMAKE_BINARY_DIR}/deploy/cordon.pc @ONLY)
include(CMakePackageConfigHelpers)
configure_package_config_file(deploy/cordon-config.cmake.in ${CMAKE_BINARY_DIR}/deploy/cordon-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cordon
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/deploy/cordon-config-version.cmake
  COMPATIBILITY SameMinorVersion)

install(DIRECTORY deploy/plugins DESTINATION ${CMAKE_INSTALL_DATADIR}/cordon FILES_MATCHING PATTERN "*.lua"
  PATTERN "*.py")
install(TARGETS libcordon LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${static} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/cordon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/deploy/cordon.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/deploy/cordon-config.cmake
  ${CMAKE_BINARY_DIR}/deploy/cordon-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cordon)
