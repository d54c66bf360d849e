# SPDX-License-Identifier: BSD-2-Clause

if(KSLOCK_COVERAGE)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "KSLOCK_COVERAGE needs gcc")
  endif()
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)

  get_filename_component(ksl_compiler_name "${CMAKE_C_COMPILER}" NAME)
  string(REPLACE gcc gcov ksl_gcov_name "${ksl_compiler_name}")
  find_program(KSLOCK_GCOV NAMES ${ksl_gcov_name} gcov REQUIRED)
  add_custom_target(
    coverage
    COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/coverage.sh" "${KSLOCK_GCOV}" "${PROJECT_SOURCE_DIR}"
            "${PROJECT_BINARY_DIR}"
    USES_TERMINAL VERBATIM
    COMMENT "Line and branch coverage of the library by the tests that have run")
endif()
