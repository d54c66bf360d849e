# SPDX-License-Identifier: BSD-2-Clause
# sleep(9), mutex(9), condvar(9), SYSINIT and the headers of FreeBSD.

ksl_test(NAME freebsd_sleep_test SOURCES freebsd_sleep_test.c NATIVE freebsd)
ksl_test(NAME freebsd_sleep_wake_test SOURCES freebsd_sleep_wake_test.c NATIVE freebsd)
ksl_test(NAME freebsd_sleep_sig_test SOURCES freebsd_sleep_sig_test.c NATIVE freebsd)
ksl_test(NAME freebsd_sleep_time_test SOURCES freebsd_sleep_time_test.c NATIVE freebsd)
ksl_test(NAME freebsd_sleep_pause_test SOURCES freebsd_sleep_pause_test.c NATIVE freebsd)
ksl_test(NAME freebsd_sleep_misuse_test SOURCES freebsd_sleep_misuse_test.c NATIVE freebsd)
ksl_test(NAME freebsd_sleep_spin_test SOURCES freebsd_sleep_spin_test.c NATIVE freebsd TIMEOUT 300)
ksl_test(NAME freebsd_sleep_stress_test SOURCES freebsd_sleep_stress_test.c NATIVE freebsd
         TIMEOUT 600)
ksl_test(NAME freebsd_rare_paths_test SOURCES freebsd_rare_paths_test.c NATIVE freebsd)
ksl_test(NAME freebsd_mtx_test SOURCES freebsd_mtx_test.c NATIVE freebsd)
ksl_test(NAME freebsd_mtx_misuse_test SOURCES freebsd_mtx_misuse_test.c NATIVE freebsd)
ksl_test(NAME freebsd_mtx_spin_test SOURCES freebsd_mtx_spin_test.c NATIVE freebsd)
ksl_test(NAME freebsd_cv_test SOURCES freebsd_cv_test.c NATIVE freebsd)
ksl_test(NAME freebsd_cv_misuse_test SOURCES freebsd_cv_misuse_test.c NATIVE freebsd)

# Unloaded while the program goes on; two of its locks lie in the program.
add_library(freebsd_sysinit_module MODULE freebsd_sysinit_module_other.c)
target_link_libraries(freebsd_sysinit_module PRIVATE kslock::freebsd)
ksl_test(
  NAME freebsd_sysinit_test
  SOURCES freebsd_sysinit_test.c freebsd_sysinit_other.c
  NATIVE freebsd
  LIBS ${CMAKE_DL_LIBS}
  ARGS $<TARGET_FILE:freebsd_sysinit_module>)
set_target_properties(freebsd_sysinit_test PROPERTIES ENABLE_EXPORTS ON)
add_dependencies(freebsd_sysinit_test freebsd_sysinit_module)

# The driver sees nothing but the kernel's headers, in strict C11.
ksl_test(
  NAME freebsd_kernelstyle_test
  SOURCES freebsd_kernelstyle_test.c freebsd_kernelstyle_other.c
  NATIVE freebsd)
set_source_files_properties(freebsd_kernelstyle_other.c
                            PROPERTIES COMPILE_OPTIONS "-std=c11;-Wall;-Wextra;-Werror")

add_executable(freebsd_cxx_test freebsd_cxx_test.cpp)
target_compile_features(freebsd_cxx_test PRIVATE cxx_std_17)
target_link_libraries(freebsd_cxx_test PRIVATE kslock::freebsd Threads::Threads)
ksl_add_test(NAME freebsd_cxx_test TARGET freebsd_cxx_test)

# Sizes and values, in both languages.
set(headers "${PROJECT_SOURCE_DIR}/tests/headers")
foreach(language c cpp)
  set(copy "${CMAKE_CURRENT_BINARY_DIR}/freebsd_sizes_${language}.${language}")
  configure_file("${headers}/freebsd_sizes.c" "${copy}" COPYONLY)
  add_executable(headers_freebsd_sizes_${language} "${copy}")
  target_link_libraries(headers_freebsd_sizes_${language} PRIVATE kslock::freebsd)
  ksl_add_test(NAME headers.freebsd_sizes.${language} TARGET headers_freebsd_sizes_${language}
               LABELS headers)
endforeach()

# A program with functions of the kernel's names beside a file that uses the
# kernel's headers.
foreach(suffix "" _static)
  set(name headers_freebsd_clash${suffix})
  add_executable(${name} "${headers}/freebsd_clash_main.c" "${headers}/freebsd_clash_kernel.c")
  target_link_libraries(${name} PRIVATE kslock::freebsd${suffix})
  ksl_add_test(NAME headers.freebsd_clash${suffix} TARGET ${name} LABELS headers)
endforeach()
