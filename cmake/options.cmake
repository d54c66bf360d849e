# SPDX-License-Identifier: BSD-2-Clause
# Everything that a user may choose, checked.

set(KSLOCK_PARKER futex CACHE STRING "How threads sleep: futex or pthread")
set_property(CACHE KSLOCK_PARKER PROPERTY STRINGS futex pthread)
set(KSLOCK_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread or nothing")
set_property(CACHE KSLOCK_SANITIZE PROPERTY STRINGS "" address,undefined thread)
set(KSLOCK_VALGRIND "" CACHE STRING "Run the tests under this tool of valgrind, or nothing")
set_property(CACHE KSLOCK_VALGRIND PROPERTY STRINGS "" helgrind memcheck)
option(KSLOCK_FUZZ "Build the programs for libFuzzer (clang)" OFF)
option(KSLOCK_WERROR "Treat warnings as errors" OFF)
option(KSLOCK_COVERAGE "Count executed lines (gcc); adds the target coverage" OFF)
option(KSLOCK_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
set(KSLOCK_TESTS_OMIT "" CACHE STRING "Labels of tests that are not added, see tests/README.md")
option(KSLOCK_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(KSLOCK_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(KSLOCK_INSTALL "Generate the install target" ${PROJECT_IS_TOP_LEVEL})

if(NOT KSLOCK_PARKER MATCHES "^(futex|pthread)$")
  message(FATAL_ERROR "KSLOCK_PARKER is '${KSLOCK_PARKER}'; it must be futex or pthread")
endif()

get_property(ksl_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT ksl_multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
