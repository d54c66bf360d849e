# SPDX-License-Identifier: BSD-2-Clause
# The stax without membarrier, when that is taken away, and in children of fork.

ksl_test(NAME regress_stax_test SOURCES regress_stax_test.c INTERNAL NATIVE evl TIMEOUT 300)
ksl_add_test(NAME regress_stax_sandbox TARGET regress_stax_test ARGS sandbox TIMEOUT 300)
ksl_add_test(NAME regress_stax_fork TARGET regress_stax_test ARGS fork TIMEOUT 300)

# Its calls with an interrupt after each instruction.
if(NOT no_steps)
  ksl_test(NAME every_instruction_stax_test SOURCES every_instruction_stax_test.c
           every_instruction_step.c LABELS compilers TIMEOUT 300)
  target_include_directories(every_instruction_stax_test
                             PRIVATE "${PROJECT_SOURCE_DIR}/include/kslock/native/evl")
  target_link_options(every_instruction_stax_test PRIVATE -Wl,-z,now) # no step in the linker
  set_source_files_properties(every_instruction_stax_test.c PROPERTIES COMPILE_OPTIONS -O2)
  ksl_add_test(NAME every_instruction_stax_long TARGET every_instruction_stax_test ARGS 1
               LABELS compilers long TIMEOUT 3600)
endif()

foreach(name IN ITEMS notes unlock kick sem fork)
  ksl_test(NAME regress_stax_${name}_test SOURCES regress_stax_${name}_test.c INTERNAL NATIVE evl
           TIMEOUT 300)
endforeach()
ksl_test(NAME regress_stax_share_test SOURCES regress_stax_share_test.c INTERNAL NATIVE freebsd
         TIMEOUT 300)
