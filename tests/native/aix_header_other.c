/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Part of a program whose own functions and variable bear AIX's names: each must be the
 * one that is called from here, and none of them from anywhere else.
 */

static int calls;

int kernel_lock = 42;

#define NAMES(X)                                                                         \
    X(lockl)                                                                             \
    X(unlockl)                                                                           \
    X(lock_alloc)                                                                        \
    X(lock_free)                                                                         \
    X(simple_lock_init)                                                                  \
    X(simple_lock)                                                                       \
    X(simple_lock_try)                                                                   \
    X(simple_unlock)                                                                     \
    X(disable_lock)                                                                      \
    X(unlock_enable)                                                                     \
    X(lock_init)                                                                         \
    X(lock_read)                                                                         \
    X(lock_try_read)                                                                     \
    X(lock_write)                                                                        \
    X(lock_try_write)                                                                    \
    X(lock_done)                                                                         \
    X(lock_read_to_write)                                                                \
    X(lock_try_read_to_write)                                                            \
    X(lock_write_to_read)                                                                \
    X(lock_set_recursive)                                                                \
    X(lock_clear_recursive)                                                              \
    X(lock_islocked)                                                                     \
    X(lock_mine)                                                                         \
    X(drw_lock_init)                                                                     \
    X(drw_lock_read)                                                                     \
    X(drw_lock_write)                                                                    \
    X(drw_lock_try_write)                                                                \
    X(drw_lock_done)                                                                     \
    X(drw_lock_read_to_write)                                                            \
    X(drw_lock_try_read_to_write)                                                        \
    X(drw_lock_write_to_read)                                                            \
    X(drw_lock_free)                                                                     \
    X(drw_lock_islocked)                                                                 \
    X(i_disable)                                                                         \
    X(i_enable)                                                                          \
    X(e_sleep_thread)                                                                    \
    X(e_assert_wait)                                                                     \
    X(e_block_thread)                                                                    \
    X(e_clear_wait)                                                                      \
    X(e_wakeup)                                                                          \
    X(e_wakeup_one)                                                                      \
    X(e_wakeup_w_result)                                                                 \
    X(e_wakeup_w_sig)                                                                    \
    X(e_sleep)                                                                           \
    X(e_sleepl)                                                                          \
    X(et_wait)                                                                           \
    X(et_post)                                                                           \
    X(setjmpx)                                                                           \
    X(longjmpx)                                                                          \
    X(clrjmpx)                                                                           \
    X(sig_chk)                                                                           \
    X(thread_self)

#define OWN(name)                                                                        \
    int name(void);                                                                      \
    int name(void)                                                                       \
    {                                                                                    \
        return ++calls;                                                                  \
    }

NAMES(OWN)

int aix_other_calls(void);
int aix_other_check(void);

/* How often they have been called; 0 if the library has changed the variable. */
int aix_other_calls(void)
{
    return kernel_lock == 42 ? calls : 0;
}

/* Calls each of them; 0 if one was not the program's own, else the number of calls. */
int aix_other_check(void)
{
    int expected = calls;
#define CALL(name)                                                                       \
    if (name() != ++expected)                                                            \
        return 0;
    NAMES(CALL)
    return aix_other_calls();
}
