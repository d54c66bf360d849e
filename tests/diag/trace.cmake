# SPDX-License-Identifier: BSD-2-Clause
# trace=FILE and graph=FILE.

ksl_test(NAME trace_test SOURCES trace_test.c INTERNAL NATIVE freebsd LIBS kslock_json)
ksl_test(NAME trace_ring_test SOURCES trace_ring_test.c INTERNAL LIBS kslock_json)
ksl_test(NAME trace_exit_test SOURCES trace_exit_test.c INTERNAL NATIVE freebsd LIBS kslock_json)
ksl_test(NAME last_words_test SOURCES last_words_test.c INTERNAL NATIVE freebsd LIBS kslock_json)
ksl_test(NAME diag_last_words_twice_test SOURCES last_words_twice_test.c INTERNAL NATIVE freebsd LIBS kslock_json)
ksl_test(NAME diag_last_words_stuck_test SOURCES last_words_stuck_test.c INTERNAL)
