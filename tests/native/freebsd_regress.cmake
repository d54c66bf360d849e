# SPDX-License-Identifier: BSD-2-Clause
# Faults of earlier versions of the FreeBSD interface.

ksl_test(NAME freebsd_regress_init_test SOURCES freebsd_regress_init_test.c NATIVE freebsd)
ksl_test(NAME freebsd_regress_destroyed_test SOURCES freebsd_regress_destroyed_test.c
         NATIVE freebsd)
ksl_test(NAME freebsd_regress_wait_test SOURCES freebsd_regress_wait_test.c NATIVE freebsd
         TIMEOUT 300)
ksl_test(NAME freebsd_regress_kept_test SOURCES freebsd_regress_kept_test.c NATIVE freebsd)

add_library(freebsd_regress_module MODULE freebsd_regress_module_other.c)
target_link_libraries(freebsd_regress_module PRIVATE kslock::freebsd)
ksl_test(
  NAME freebsd_regress_report_test
  SOURCES freebsd_regress_report_test.c
  NATIVE freebsd
  LIBS ${CMAKE_DL_LIBS}
  ARGS $<TARGET_FILE:freebsd_regress_module>)
add_dependencies(freebsd_regress_report_test freebsd_regress_module)

# Not linked with the library, which comes and stays with the module.
add_executable(freebsd_regress_exit_test freebsd_regress_exit_test.c)
target_include_directories(freebsd_regress_exit_test PRIVATE "${PROJECT_SOURCE_DIR}/include")
target_link_libraries(freebsd_regress_exit_test PRIVATE ksl_test_support PkgConfig::CHECK Threads::Threads
                                                        ${CMAKE_DL_LIBS})
add_dependencies(freebsd_regress_exit_test freebsd_regress_module)
ksl_add_test(NAME freebsd_regress_exit_test TARGET freebsd_regress_exit_test
             ARGS $<TARGET_FILE:freebsd_regress_module>)
