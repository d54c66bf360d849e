# SPDX-License-Identifier: BSD-2-Clause
# Conformance tests of the AIX interface: complex locks, events, signals, exit.

ksl_test(NAME aix_complex_test SOURCES aix_complex_test.c NATIVE aix)
ksl_test(NAME aix_complex_upgrade_test SOURCES aix_complex_upgrade_test.c NATIVE aix)
ksl_test(NAME aix_complex_recursive_test SOURCES aix_complex_recursive_test.c NATIVE aix)
ksl_test(NAME aix_complex_misuse_test SOURCES aix_complex_misuse_test.c NATIVE aix)
ksl_test(NAME aix_complex_stress_test SOURCES aix_complex_stress_test.c NATIVE aix TIMEOUT 240)
ksl_test(NAME aix_events_test SOURCES aix_events_test.c NATIVE aix)
ksl_test(NAME aix_events_lock_test SOURCES aix_events_lock_test.c NATIVE aix)
ksl_test(NAME aix_events_post_test SOURCES aix_events_post_test.c NATIVE aix)
ksl_test(NAME aix_events_misuse_test SOURCES aix_events_misuse_test.c NATIVE aix)
ksl_test(NAME aix_events_stress_test SOURCES aix_events_stress_test.c NATIVE aix TIMEOUT 240)
ksl_test(NAME aix_signals_test SOURCES aix_signals_test.c NATIVE aix)
ksl_test(NAME aix_exit_test SOURCES aix_exit_test.c NATIVE aix)
