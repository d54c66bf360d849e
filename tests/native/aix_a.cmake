# SPDX-License-Identifier: BSD-2-Clause
# Conformance tests of the AIX interface: lockl, simple and drw locks, interrupts.

ksl_test(NAME aix_header_test SOURCES aix_header_test.c aix_header_other.c NATIVE aix)
ksl_test(NAME aix_lockl_test SOURCES aix_lockl_test.c NATIVE aix)
ksl_test(NAME aix_lockl_signal_test SOURCES aix_lockl_signal_test.c NATIVE aix)
ksl_test(NAME aix_simple_test SOURCES aix_simple_test.c NATIVE aix)
ksl_test(NAME aix_simple_memory_test SOURCES aix_simple_memory_test.c NATIVE aix)
ksl_test(NAME aix_intr_test SOURCES aix_intr_test.c NATIVE aix)
ksl_test(NAME aix_intr_spin_test SOURCES aix_intr_spin_test.c NATIVE aix)
ksl_test(NAME aix_intr_jump_test SOURCES aix_intr_jump_test.c NATIVE aix)
ksl_test(NAME aix_intr_event_test SOURCES aix_intr_event_test.c NATIVE aix)
ksl_test(NAME aix_intr_stress_test SOURCES aix_intr_stress_test.c NATIVE aix TIMEOUT 240)
ksl_test(NAME aix_drw_test SOURCES aix_drw_test.c NATIVE aix)
ksl_test(NAME aix_rare_paths_test SOURCES aix_rare_paths_test.c NATIVE aix)
ksl_test(NAME aix_cxx_test SOURCES aix_cxx_test.cpp NATIVE aix)
