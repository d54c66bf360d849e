# SPDX-License-Identifier: BSD-2-Clause
# trace=FILE and graph=FILE.

# The reader of JSON that the command has.
add_library(diag_json STATIC "${PROJECT_SOURCE_DIR}/cmd/json.c")
target_include_directories(diag_json PUBLIC "${PROJECT_SOURCE_DIR}/cmd")

ksl_test(NAME trace_test SOURCES trace_test.c INTERNAL NATIVE freebsd LIBS diag_json)
ksl_test(NAME trace_ring_test SOURCES trace_ring_test.c INTERNAL LIBS diag_json)
ksl_test(NAME trace_exit_test SOURCES trace_exit_test.c INTERNAL NATIVE freebsd LIBS diag_json)
