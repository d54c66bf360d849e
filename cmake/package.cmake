# SPDX-License-Identifier: BSD-2-Clause
# What is installed: libraries, headers, CMake package, pkg-config files.
include(CMakePackageConfigHelpers)

get_property(ksl_native_targets GLOBAL PROPERTY KSL_NATIVE_TARGETS)
get_property(ksl_natives GLOBAL PROPERTY KSL_NATIVES)
set(ksl_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/kslock")
set(ksl_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(TARGETS kslock kslock_static ${ksl_native_targets} EXPORT kslockTargets)
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/include/kslock"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING
  PATTERN "*.h")
install(EXPORT kslockTargets NAMESPACE kslock:: DESTINATION "${ksl_package_dir}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/kslockConfig.cmake.in" "${PROJECT_BINARY_DIR}/kslockConfig.cmake"
  INSTALL_DESTINATION "${ksl_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/kslockConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/kslockConfig.cmake"
              "${PROJECT_BINARY_DIR}/kslockConfigVersion.cmake" DESTINATION "${ksl_package_dir}")

# pkg-config files find the prefix from their own place, unless the folders
# were given as absolute paths.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(KSL_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
  set(KSL_PC_LIBDIR "${CMAKE_INSTALL_FULL_LIBDIR}")
  set(KSL_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH ksl_pc_up "/${ksl_pc_dir}" "/")
  string(REGEX REPLACE "/$" "" ksl_pc_up "${ksl_pc_up}")
  set(KSL_PC_PREFIX "\${pcfiledir}/${ksl_pc_up}")
  set(KSL_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(KSL_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
list(TRANSFORM KSLOCK_URCU_NAMES PREPEND "-l" OUTPUT_VARIABLE ksl_pc_urcu)
list(JOIN ksl_pc_urcu " " KSL_PC_URCU)
configure_file("${PROJECT_SOURCE_DIR}/cmake/kslock.pc.in" kslock.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/kslock.pc" DESTINATION "${ksl_pc_dir}")
foreach(KSL_PC_NATIVE IN LISTS ksl_natives)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/kslock-native.pc.in" kslock-${KSL_PC_NATIVE}.pc
                 @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/kslock-${KSL_PC_NATIVE}.pc" DESTINATION "${ksl_pc_dir}")
endforeach()
