/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diagnostics are off, no interrupts come, nobody forks, and few locks are held: so
 * nobody calls these. No header here: one function stands for all.
 */

void weak_fail(const char *what);
void weak_nobody_watches(void);

void weak_nobody_watches(void)
{
    weak_fail("what is off is called");
}

#define ABSENT(name)                                                                     \
    void name(void);                                                                     \
    void name(void) __attribute__((alias("weak_nobody_watches")))

ABSENT(ksi_annotate_seen);
ABSENT(ksi_annotate_set);
ABSENT(ksi_deadlock_look);
ABSENT(ksi_entered_end);
ABSENT(ksi_entered_push);
ABSENT(ksi_entered_strike);
ABSENT(ksi_entered_strike_other);
ABSENT(ksi_held_find);
ABSENT(ksi_held_find_own);
ABSENT(ksi_held_pop_foreign);
ABSENT(ksi_hook_again);
ABSENT(ksi_hook_before);
ABSENT(ksi_hook_begin);
ABSENT(ksi_hook_end);
ABSENT(ksi_hook_given);
ABSENT(ksi_hook_told);
ABSENT(ksi_hook_taken);
ABSENT(ksi_hook_tried);
ABSENT(ksi_hook_turned);
ABSENT(ksi_host_copy);
ABSENT(ksi_irq_offer_floating);
ABSENT(ksi_ksem_hide);
ABSENT(ksi_ksem_watch_begin);
ABSENT(ksi_ksem_watch_end);
ABSENT(ksi_ksem_watch_event);
ABSENT(ksi_ksem_watch_taken);
ABSENT(ksi_ksem_watch_try);
ABSENT(ksi_ksem_watch_up);
ABSENT(ksi_ksem_watch_wait);
ABSENT(ksi_order_before);
ABSENT(ksi_order_begin);
ABSENT(ksi_order_sleep);
ABSENT(ksi_pages);
ABSENT(ksi_quick_before_order);
ABSENT(ksi_registry_allocated);
ABSENT(ksi_stats_given);
ABSENT(ksi_stats_taken_at_once);
ABSENT(ksi_tell_event);
ABSENT(ksi_tell_number);
ABSENT(ksi_tell_wait);
ABSENT(ksl_irq_answer);
ABSENT(urcu_bp_after_fork_child);
ABSENT(urcu_bp_after_fork_parent);
ABSENT(urcu_bp_before_fork);
ABSENT(urcu_bp_read_lock);
ABSENT(urcu_bp_read_unlock);
