/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: what violations say, and reports about memory that is
 * gone. Argument: a module.
 */
#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/thread.h>

#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, MANY = 8, UNKNOWN_BITS = 0x800 };

static struct sx sx;
static struct mtx mtx;
static int channel;
static const char *module;

/* The latest violation; names are copied while they are there. */
static struct {
    int count;
    char rule[32], message[1024], name[200];
    bool named;
    const void *lock;
    int line;
} last;

static void keep(const ksl_violation *v, void *arg)
{
    (void)arg;
    last.count++;
    snprintf(last.rule, sizeof last.rule, "%s", v->rule);
    snprintf(last.message, sizeof last.message, "%s", v->message);
    last.named = v->lock_name != NULL;
    snprintf(last.name, sizeof last.name, "%s", last.named ? v->lock_name : "");
    last.lock = v->lock;
    last.line = v->line;
}

static void start(void)
{
    memset(&last, 0, sizeof last);
    ksl_set_violation_handler(keep, NULL);
}

static void expect(const char *rule, const void *lock, int line)
{
    ck_assert_msg(last.count == 1 && strcmp(last.rule, rule) == 0,
                  "line %d: %d violations, last %s: %s", line, last.count, last.rule,
                  last.message);
    ck_assert_msg(last.lock == lock, "line %d: lock %p: %s", line, last.lock,
                  last.message);
    ck_assert_msg(strchr(last.message, '\n') == NULL, "line %d: %s", line, last.message);
}

#define REFUSED(rule, lock, expr)                                                        \
    do {                                                                                 \
        start();                                                                         \
        expr;                                                                            \
        expect(rule, lock, __LINE__);                                                    \
    } while (0)

static void in_thread(void (*fn)(void *arg))
{
    struct actor a;
    actor_start(&a, fn, NULL);
    actor_join(&a);
}

/* ---- which lock ---- */

START_TEST(lock_of_a_sleep_is_its_interlock_or_none)
{
    struct cv cv;
    int error = 0;
    sx_init(&sx, "interlock");
    mtx_init(&mtx, "mutex", NULL, MTX_DEF);
    cv_init(&cv, "cv");
    REFUSED("not-locked", &sx, error = sx_sleep(&channel, &sx, 0, "w", 1));
    ck_assert_int_eq(error, EINVAL);
    ck_assert_str_eq(last.name, "interlock");
    REFUSED("not-locked", &sx, cv_wait(&cv, &sx));
    REFUSED("not-locked", &mtx, error = msleep(&channel, &mtx, 0, "w", 1));
    sx_xlock(&sx);
    REFUSED("bad-argument", &sx, error = sx_sleep(NULL, &sx, 0, "w", 1));
    REFUSED("bad-argument", &sx, error = sx_sleep(&channel, &sx, 0, "w", -1));
    sx_xunlock(&sx);
    REFUSED("bad-argument", NULL, error = tsleep(NULL, 0, "w", 1));
    REFUSED("bad-argument", NULL, error = tsleep(&channel, 0, "w", 0));
    REFUSED("bad-argument", NULL, error = tsleep(&channel, PDROP, "w", 1));
    ck_assert(!last.named);
    REFUSED("bad-argument", NULL, wakeup(NULL));
    ck_assert_int_eq(error, EINVAL);
}
END_TEST

static struct cv waited_for;

static void wait_cv(void *arg)
{
    (void)arg;
    mtx_lock(&mtx);
    cv_wait(&waited_for, &mtx);
    mtx_unlock(&mtx);
}

START_TEST(cv_destroy_names_the_cv)
{
    struct actor a;
    mtx_init(&mtx, "mutex", NULL, MTX_DEF);
    cv_init(&waited_for, "condition");
    actor_start(&a, wait_cv, NULL);
    wait_asleep(a.thread);
    REFUSED("destroy-held", &waited_for, cv_destroy(&waited_for));
    ck_assert_str_eq(last.name, "condition");
    mtx_lock(&mtx);
    cv_signal(&waited_for);
    mtx_unlock(&mtx);
    actor_join(&a);
}
END_TEST

static void exit_with_share(void *arg)
{
    (void)arg;
    sx_slock(&sx);
}

static void exit_with_mutex(void *arg)
{
    (void)arg;
    mtx_lock(&mtx);
}

START_TEST(exit_held_names_the_lock)
{
    sx_init(&sx, "left shared");
    mtx_init(&mtx, "left owned", NULL, MTX_DEF);
    REFUSED("exit-held", &sx, in_thread(exit_with_share));
    ck_assert_str_eq(last.name, "left shared");
    REFUSED("exit-held", &mtx, in_thread(exit_with_mutex));
    ck_assert_str_eq(last.name, "left owned");
    sx_init(&sx, "returned with");
    sx_xlock(&sx);
    REFUSED("exit-held", &sx, (void)ksl_syscall_exit());
    ck_assert_str_eq(last.name, "returned with");
    sx_xunlock(&sx);
}
END_TEST

/* ---- arguments ---- */

START_TEST(sleep_unknown_priority_bits_change_nothing)
{
    start();
    ck_assert_int_eq(tsleep(&channel, UNKNOWN_BITS, "w", 1), EWOULDBLOCK);
    ck_assert_int_eq(tsleep(&channel, INT_MIN | UNKNOWN_BITS | PRIMASK, "w", 1),
                     EWOULDBLOCK);
    sx_init(&sx, "interlock");
    sx_xlock(&sx);
    ck_assert_int_eq(sx_sleep(&channel, &sx, UNKNOWN_BITS, "w", 1), EWOULDBLOCK);
    sx_xunlock(&sx);
    ck_assert_int_eq(last.count, 0);
}
END_TEST

/* ---- messages ---- */

START_TEST(message_is_one_line)
{
    char longest[300];
    memset(longest, 'n', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    sx_init(&sx, "first\nsecond\tthird");
    sx_xlock(&sx);
    REFUSED("recursion", &sx, sx_xlock(&sx));
    ck_assert(strchr(last.name, '\n') == NULL);
    ck_assert(strstr(last.message, last.name) != NULL);
    sx_init(&sx, longest);
    sx_xlock(&sx);
    REFUSED("recursion", &sx, sx_xlock(&sx));
    ck_assert_uint_gt(strlen(last.name), 50);
    sx_init(&sx, NULL);
    sx_xlock(&sx);
    REFUSED("recursion", &sx, sx_xlock(&sx));
    ck_assert_int_eq(last.line, __LINE__ - 1);
}
END_TEST

/* ---- memory that is gone ---- */

static void *fresh_page(void)
{
    void *p =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(p != MAP_FAILED);
    return p;
}

static void *page;

static void hold_and_unmap(void *arg)
{
    (void)arg;
    struct sx *in_page = page;
    sx_init(in_page, "unmapped");
    sx_slock(in_page);
    munmap(page, PAGE);
}

static void hold_and_free(void *arg)
{
    (void)arg;
    struct sx *heap[MANY];
    for (int i = 0; i < MANY; i++) {
        heap[i] = malloc(sizeof *heap[i]);
        sx_init(heap[i], "heap");
        sx_slock(heap[i]);
    }
    for (int i = 0; i < MANY; i++)
        free(heap[i]);
}

START_TEST(exit_held_of_a_lock_whose_memory_is_gone)
{
    page = fresh_page();
    REFUSED("exit-held", page, in_thread(hold_and_unmap));
    start();
    in_thread(hold_and_free);
    ck_assert_int_eq(last.count, 1);
    ck_assert_str_eq(last.rule, "exit-held");
    ck_assert(strstr(last.message, "8 locks") != NULL);
}
END_TEST

START_TEST(name_that_is_gone)
{
    char *name = fresh_page();
    strcpy(name, "short-lived");
    sx_init(&sx, name);
    sx_destroy(&sx);
    munmap(name, PAGE);
    REFUSED("destroyed", &sx, sx_xlock(&sx));
}
END_TEST

/* The holder took it in a module that has been unloaded. */
START_TEST(place_that_was_unloaded)
{
    sx_init(&sx, "taken elsewhere");
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    void (*take)(struct sx * lock);
    *(void **)&take = dlsym(handle, "freebsd_regress_module_take");
    ck_assert(take != NULL);
    take(&sx);
    ck_assert_int_eq(dlclose(handle), 0);
    ck_assert_ptr_null(dlopen(module, RTLD_NOW | RTLD_NOLOAD));
    REFUSED("recursion", &sx, sx_xlock(&sx));
    ck_assert(strstr(last.message, "taken elsewhere") != NULL);
    REFUSED("exit-held", &sx, (void)ksl_syscall_exit());
    sx_xunlock(&sx);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 2)
        return EXIT_FAILURE;
    module = argv[1];
    Suite *s = suite_create("freebsd regress report");
    TCase *tc = tcase_create("report");
    tcase_add_test(tc, lock_of_a_sleep_is_its_interlock_or_none);
    tcase_add_test(tc, cv_destroy_names_the_cv);
    tcase_add_test(tc, exit_held_names_the_lock);
    tcase_add_test(tc, sleep_unknown_priority_bits_change_nothing);
    tcase_add_test(tc, message_is_one_line);
    tcase_add_test(tc, exit_held_of_a_lock_whose_memory_is_gone);
    tcase_add_test(tc, name_that_is_gone);
    tcase_add_test(tc, place_that_was_unloaded);
    suite_add_tcase(s, tc);
    return support_run(s);
}
