# SPDX-License-Identifier: BSD-2-Clause
# Faults of earlier versions of the reader/writer engine, and its way without
# membarrier. To be included behind every_instruction_test.

ksl_test(NAME regress_rw_claims_test SOURCES regress_rw_claims_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME regress_rw_handler_test SOURCES regress_rw_handler_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME regress_rw_fork_test SOURCES regress_rw_fork_test.c INTERNAL NATIVE freebsd
         TIMEOUT 300)
ksl_test(NAME regress_rw_sandbox_test SOURCES regress_rw_sandbox_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME regress_rw_fallback_test SOURCES regress_rw_fallback_test.c INTERNAL NATIVE freebsd
         TIMEOUT 300)

# The same program where the host refuses membarrier from the beginning.
ksl_add_test(NAME regress_rw_fallback_sandbox TARGET regress_rw_fallback_test ARGS sandbox
             TIMEOUT 300)

# The operations of sx, and of locks of AIX, at every instruction.
if(NOT no_steps)
  target_sources(every_instruction_test PRIVATE every_instruction_sx.c)
  set_property(SOURCE every_instruction_sx.c APPEND PROPERTY INCLUDE_DIRECTORIES
               "${PROJECT_SOURCE_DIR}/include/kslock/native/freebsd")
  set_source_files_properties(every_instruction_sx.c PROPERTIES COMPILE_OPTIONS -O2)
  ksl_add_test(NAME every_instruction_sx TARGET every_instruction_test ARGS 41 sx LABELS compilers TIMEOUT 300)
  target_sources(every_instruction_test PRIVATE every_instruction_aix.c)
  set_property(SOURCE every_instruction_aix.c APPEND PROPERTY INCLUDE_DIRECTORIES
               "${PROJECT_SOURCE_DIR}/include/kslock/native/aix")
  set_source_files_properties(every_instruction_aix.c PROPERTIES COMPILE_OPTIONS -O2)
  ksl_add_test(NAME every_instruction_aix TARGET every_instruction_test ARGS 41 aix LABELS compilers TIMEOUT 300)
  ksl_add_test(NAME every_instruction_sx_long TARGET every_instruction_test ARGS 1 sx
               LABELS compilers long TIMEOUT 3600)
endif()
