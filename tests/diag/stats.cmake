# SPDX-License-Identifier: BSD-2-Clause
# Statistics: exact counts of scenes, identities under load, the reports.

ksl_test(NAME stats_count_test SOURCES stats_count_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME stats_scene_test SOURCES stats_scene_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME stats_irq_test SOURCES stats_irq_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME stats_load_test SOURCES stats_load_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME stats_report_test SOURCES stats_report_test.c INTERNAL NATIVE freebsd)
ksl_test(NAME stats_sample_test SOURCES stats_sample_test.c INTERNAL NATIVE freebsd)
