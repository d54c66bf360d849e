# SPDX-License-Identifier: BSD-2-Clause
# The order and context checker, by rule.

ksl_test(NAME order_cycle_test SOURCES order_cycle_test.c NATIVE freebsd)
ksl_test(NAME order_sleepable_test SOURCES order_sleepable_test.c NATIVE freebsd)
ksl_test(NAME order_irq_test SOURCES order_irq_test.c)
ksl_test(NAME order_aix_test SOURCES order_aix_test.c NATIVE aix)
ksl_test(NAME order_stanix_test SOURCES order_stanix_test.c)
ksl_test(NAME order_stage_test SOURCES order_stage_test.c NATIVE evl)
ksl_test(NAME order_stress_test SOURCES order_stress_test.c NATIVE freebsd)
