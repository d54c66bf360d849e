# SPDX-License-Identifier: BSD-2-Clause
# The order and context checker, by rule.

ksl_test(NAME order_cycle_test SOURCES order_cycle_test.c NATIVE freebsd)
ksl_test(NAME order_sleepable_test SOURCES order_sleepable_test.c NATIVE freebsd)
ksl_test(NAME order_irq_test SOURCES order_irq_test.c)
ksl_test(NAME order_aix_test SOURCES order_aix_test.c NATIVE aix)
ksl_test(NAME order_stanix_test SOURCES order_stanix_test.c)
ksl_test(NAME order_stage_test SOURCES order_stage_test.c NATIVE evl)
ksl_test(NAME order_evl_test SOURCES order_evl_test.c NATIVE evl)
ksl_test(NAME order_reuse_test SOURCES order_reuse_test.c INTERNAL NATIVE evl)
ksl_test(NAME order_full_test SOURCES order_full_test.c NATIVE freebsd TIMEOUT 300)
ksl_test(NAME order_suppress_test SOURCES order_suppress_test.c NATIVE freebsd)
set_target_properties(order_suppress_test PROPERTIES ENABLE_EXPORTS ON)
ksl_test(NAME order_stress_test SOURCES order_stress_test.c NATIVE freebsd)

# Each type of lock in one table: one source file for each family's headers.
set(ksl_any_lock any_lock_stanix.c any_lock_freebsd.c any_lock_aix.c any_lock_evl.c)
foreach(ksl_family freebsd aix evl)
  set_source_files_properties(
    any_lock_${ksl_family}.c
    PROPERTIES INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include/kslock/native/${ksl_family}")
endforeach()
ksl_test(NAME order_rules_test SOURCES order_rules_test.c ${ksl_any_lock} TIMEOUT 600)
ksl_test(NAME diag_deadlock_test SOURCES deadlock_test.c ${ksl_any_lock})
ksl_test(NAME diag_cancel_test SOURCES cancel_test.c ${ksl_any_lock})
ksl_test(NAME diag_deadlock_ring_test SOURCES deadlock_ring_test.c ${ksl_any_lock} TIMEOUT 300)
foreach(ksl_program order_rules_test diag_deadlock_test diag_deadlock_ring_test)
  # The place of a call is its return address, so it must return.
  target_compile_options(${ksl_program} PRIVATE -fno-optimize-sibling-calls)
endforeach()
