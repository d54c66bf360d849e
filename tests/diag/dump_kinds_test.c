/* SPDX-License-Identifier: BSD-2-Clause */

/* ksl_diag_dump for each kind of lock: what is said of its word, its holder, its waiter.
 */

#include "readback.h"

#include "diag/classes.h"
#include "lock/aix.h"
#include "lock/kmutex.h"
#include "lock/ksem.h"
#include "lock/mtx.h"
#include "lock/owner.h"
#include "lock/stax.h"
#include "platform/park.h"

#include <kslock/kslock.h>

static struct report_file file;

/* --- the locks: hold and give run on the main thread, wait on another one --- */

static ksl_mutex_t mutex;
static ksl_rwsem_t rwsem;
static ksl_spinlock_t spin;
static ksl_rwlock_t rwlock;
static ksl_cond_t cond;
static struct ksi_named mtx;
static ksi_word simple;
static struct ksi_complex complex_lock;
static ksi_word lockl_word;
static ksi_word drw;
static ksi_word kmutex;
static uint64_t ksem;
static struct ksi_stax stax;

static void mutex_hold(void)
{
    (void)ksl_mutex_acquire(&mutex);
}

static void mutex_give(void)
{
    ksl_mutex_release(&mutex);
}

static void mutex_wait(void)
{
    mutex_hold();
    mutex_give();
}

static void rwsem_hold(void)
{
    (void)ksl_rwsem_acquire_write(&rwsem);
}

static void rwsem_give(void)
{
    (void)ksl_rwsem_release_write(&rwsem);
}

static void rwsem_wait(void)
{
    (void)ksl_rwsem_acquire_read(&rwsem);
    (void)ksl_rwsem_release_read(&rwsem);
}

static void spin_hold(void)
{
    ksl_spinlock_acquire(&spin);
}

static void spin_give(void)
{
    ksl_spinlock_release(&spin);
}

static void spin_wait(void)
{
    spin_hold();
    spin_give();
}

static void rwlock_hold(void)
{
    ksl_rwlock_acquire_read(&rwlock, NULL);
}

static void rwlock_give(void)
{
    ksl_rwlock_release_read(&rwlock, NULL);
}

static void rwlock_wait(void)
{
    ksl_rwlock_acquire_write(&rwlock, NULL);
    ksl_rwlock_release_write(&rwlock, NULL);
}

static void rwlock_own(void)
{
    ksl_rwlock_acquire_write(&rwlock, NULL);
}

static void rwlock_disown(void)
{
    ksl_rwlock_release_write(&rwlock, NULL);
}

static void rwlock_read(void)
{
    rwlock_hold();
    rwlock_give();
}

static void cond_hold(void)
{
    ksl_cond_init(&cond);
}

static void cond_give(void)
{
    ksl_cond_set(&cond, 5);
}

static void cond_wait(void)
{
    (void)ksl_cond_wait(&cond, 5);
}

static void mtx_hold(void)
{
    if (mtx.flags == 0)
        ksi_mtx_init(&mtx, "tiny", 1, NULL);
    (void)ksi_mtx_spin_lock(&mtx, false, KSI_SITE());
}

static void mtx_give(void)
{
    ksi_mtx_spin_unlock(&mtx, KSI_SITE());
}

static void mtx_wait(void)
{
    mtx_hold();
    mtx_give();
}

static void simple_hold(void)
{
    (void)ksi_simple_try(&simple, KSI_SITE());
}

static void simple_give(void)
{
    ksi_unlock_enable(&simple, 0, KSI_SITE());
}

static void simple_wait(void)
{
    (void)ksi_owner_lock(&ksi_simple_class, &simple, "simple_lock", KSI_SITE());
    simple_give();
}

static void simple_spin(void)
{
    unsigned level = ksi_disable_lock(&simple, 11, KSI_SITE());
    ksi_unlock_enable(&simple, level, KSI_SITE());
}

static void complex_hold(void)
{
    ksi_complex_read(&complex_lock, KSI_SITE());
}

static void complex_give(void)
{
    ksi_complex_done(&complex_lock, KSI_SITE());
}

static void complex_wait(void)
{
    ksi_complex_write(&complex_lock, KSI_SITE());
    complex_give();
}

static void complex_up(void)
{
    ksi_complex_read(&complex_lock, KSI_SITE());
    (void)ksi_complex_upgrade(&complex_lock, true, KSI_SITE());
    complex_give();
}

static void lockl_hold(void)
{
    (void)ksi_lockl(&lockl_word, 0, KSI_SITE());
}

static void lockl_give(void)
{
    ksi_unlockl(&lockl_word, KSI_SITE());
}

static void lockl_wait(void)
{
    lockl_hold();
    lockl_give();
}

static void drw_hold(void)
{
    ksi_drw_read(&drw, KSI_SITE());
}

static void drw_give(void)
{
    ksi_drw_done(&drw, KSI_SITE());
}

static void drw_wait(void)
{
    (void)ksi_drw_write(&drw, false, KSI_SITE());
    drw_give();
}

static void kmutex_hold(void)
{
    if (ksi_load(&kmutex) == 0)
        ksi_kmutex_init(&kmutex, NULL);
    (void)ksi_kmutex_lock(&kmutex, KSI_SITE());
}

static void kmutex_give(void)
{
    ksi_kmutex_unlock(&kmutex, KSI_SITE());
}

static void kmutex_wait(void)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    (void)ksi_kmutex_lock(&kmutex, KSI_SITE());
    kmutex_give();
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
}

static void ksem_hold(void)
{
    ksi_ksem_init(&ksem, 0, NULL);
}

static void ksem_give(void)
{
    ksi_ksem_up(&ksem, 100, KSI_SITE());
}

static void ksem_wait(void)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    (void)ksi_ksem_down(&ksem, KSI_FOREVER, false, KSI_SITE());
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
}

static void stax_hold(void)
{
    (void)ksi_stax_lock(&stax, KSI_SITE());
}

static void stax_give(void)
{
    ksi_stax_unlock(&stax, KSI_SITE());
}

static void stax_wait(void)
{
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    stax_hold();
    stax_give();
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
}

enum holder { NOBODY, ALONE, SHARED, WRITER }; /* WRITER: alone, the word does not tell */

static const struct row {
    void (*hold)(void);
    void (*give)(void);
    void (*wait)(void);
    const volatile void *lock;
    const char *kind;
    const char *how;  /* the end of the waiter's line */
    const char *word; /* what its word tells, after an owner */
    bool spins;
    enum holder holder;
} rows[] = {
    {mutex_hold, mutex_give, mutex_wait, &mutex, "mutex", "\n", ", somebody waits\n",
     false, ALONE},
    {rwsem_hold, rwsem_give, rwsem_wait, &rwsem, "rwsem", ", to share it\n",
     ", a reader waits\n", false, ALONE},
    {spin_hold, spin_give, spin_wait, &spin, "spinlock", "\n", "\n", true, ALONE},
    {rwlock_hold, rwlock_give, rwlock_wait, &rwlock, "rwlock", "\n", "1 readers\n", true,
     SHARED},
    {rwlock_own, rwlock_disown, rwlock_read, &rwlock, "rwlock", "\n", "a writer has it\n",
     true, WRITER},
    {cond_hold, cond_give, cond_wait, &cond, "cond", "\n", "", false, NOBODY},
    {mtx_hold, mtx_give, mtx_wait, &mtx, "spin mutex", " (tiny)\n", "\n", true, ALONE},
    {simple_hold, simple_give, simple_wait, &simple, "simple lock",
     ", to have it alone\n", ", a writer waits\n", false, ALONE},
    {simple_hold, simple_give, simple_spin, &simple, "simple lock", "\n", "\n", true,
     ALONE},
    {complex_hold, complex_give, complex_wait, &complex_lock, "complex lock",
     ", to have it alone\n", "1 share counted, a writer waits\n", false, SHARED},
    {complex_hold, complex_give, complex_up, &complex_lock, "complex lock",
     ", to have it alone instead of sharing it\n",
     "2 shares counted, a sharer waits for its upgrade\n", false, SHARED},
    {lockl_hold, lockl_give, lockl_wait, &lockl_word, "lockl lock",
     ", to have it alone\n", ", a writer waits\n", false, ALONE},
    {drw_hold, drw_give, drw_wait, &drw, "disabled read-write lock", "\n",
     "1 share counted, a writer waits\n", true, SHARED},
    {kmutex_hold, kmutex_give, kmutex_wait, &kmutex, "kernel mutex",
     ", to have it alone\n", ", a writer waits\n", false, ALONE},
    {ksem_hold, ksem_give, ksem_wait, &ksem, "semaphore", "\n",
     "value 0, somebody waits\n", false, NOBODY},
    {stax_hold, stax_give, stax_wait, &stax, "stax", ", to enter\n",
     "the in-band stage is inside, 1 counted, the other stage waits\n", false, NOBODY},
};

static void wait_there(void *arg)
{
    const struct row *r = arg;
    r->wait();
}

START_TEST(part2_each_kind)
{
    const struct row *r = &rows[_i];
    struct actor a;
    ksl_thread *self = ksl_thread_self();
    const char *name =
        strcmp(r->kind, "spin mutex") == 0 ? "" : " (in diag_dump_kinds_test+0x";
    (void)ksl_stage_switch(strcmp(r->kind, "kernel mutex") == 0 ? KSL_STAGE_OOB
                                                                : KSL_STAGE_INBAND);
    r->hold();
    actor_start(&a, wait_there, (void *)(uintptr_t)r);
    if (r->spins)
        WAIT_UNTIL(LOAD(&a.thread->spins_on) != NULL);
    else
        wait_asleep(a.thread);
    report_file_dump(&file);
    const void *lock = (const void *)(uintptr_t)r->lock;
    r->give();
    actor_join(&a);
    ck_assert_ptr_null(LOAD(&a.thread->spins_on));
    const char *text = report_file_lines(&file, a.thread);
    HAS(text, "  %s for %s %p%s", r->spins ? "spins" : "waits", r->kind, lock, name);
    HAS(text, "%s", r->how);
    HAS(text, "%s", r->word);
    if (r->holder == ALONE)
        HAS(text, "    its word: owned by thread %d", ksl_thread_id(self));
    if (r->holder != NOBODY)
        HAS(text, "    held%s by thread %d since diag_dump_kinds_test(",
            r->holder == SHARED ? " shared" : "", ksl_thread_id(self));
    if (r->holder != NOBODY)
        HAS(report_file_lines(&file, self), "  holds %s %p", r->kind, lock);
    ck_assert_ptr_null(strstr(file.text, "deadlock"));
}
END_TEST

START_TEST(part2_classes_of_locks)
{
    struct ksi_class c = {12, 3};
    simple_hold();
    ksi_class_set((const void *)(uintptr_t)&simple, c);
    report_file_dump(&file);
    HAS(file.text, " of class 12, occurrence 3, taken at ");
    ksi_class_before_fork(); /* its table is locked */
    report_file_dump(&file);
    ksi_class_after_fork(false);
    HAS(file.text, " of a class that could not be read, taken at ");
    simple_give();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/dump_kinds");
    TCase *c = tcase_create("kinds");
    tcase_add_loop_test(c, part2_each_kind, 0, (int)(sizeof rows / sizeof rows[0]));
    tcase_add_test(c, part2_classes_of_locks);
    suite_add_tcase(s, c);
    return support_run(s);
}
