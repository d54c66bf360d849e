/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): names, values and fields that sources use, and errno. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include "support.h"

#include <kslock/signal.h>

#include <string.h>

_Static_assert(offsetof(struct sx, lock_object) == 0, "the lock object comes first");
_Static_assert(sizeof(((struct sx *)NULL)->sx_lock) == sizeof(void *), "one word");
_Static_assert(LOCK_DEBUG > 0, "calls carry their place");

_Static_assert(SX_DUPOK == 0x01 && SX_NOPROFILE == 0x02 && SX_NOWITNESS == 0x04, "flags");
_Static_assert(SX_QUIET == 0x08 && SX_ADAPTIVESPIN == 0x10 && SX_NOADAPTIVE == 0x10,
               "flags");
_Static_assert(SX_RECURSE == 0x20 && SX_NEW == 0x40 && SX_INTERRUPTIBLE == 0x40, "flags");

_Static_assert(LA_UNLOCKED == 0 && LA_LOCKED == 1 && LA_SLOCKED == 2, "assertions");
_Static_assert(LA_XLOCKED == 4 && LA_RECURSED == 8 && LA_NOTRECURSED == 0x10,
               "assertions");
_Static_assert(LA_MASKASSERT == 0xff, "assertions");
_Static_assert(SA_UNLOCKED == LA_UNLOCKED && SA_LOCKED == LA_LOCKED, "assertions");
_Static_assert(SA_SLOCKED == LA_SLOCKED && SA_XLOCKED == LA_XLOCKED, "assertions");
_Static_assert(SA_RECURSED == LA_RECURSED && SA_NOTRECURSED == LA_NOTRECURSED,
               "assertions");
_Static_assert(SX_LOCKED == LA_LOCKED && SX_SLOCKED == LA_SLOCKED, "old names");
_Static_assert(SX_XLOCKED == LA_XLOCKED && SX_UNLOCKED == LA_UNLOCKED, "old names");
_Static_assert(SX_RECURSED == LA_RECURSED && SX_NOTRECURSED == LA_NOTRECURSED,
               "old names");

_Static_assert(LO_INITIALIZED == 0x00010000 && LO_RECURSABLE == 0x00080000, "lo_flags");
_Static_assert(LO_SLEEPABLE == 0x00100000 && LO_UPGRADABLE == 0x00200000, "lo_flags");
_Static_assert(EINTR == 4 && EWOULDBLOCK == 11 && ERESTART == 85, "host values");

/* The functions behind the macros, as a program that takes their address. */
START_TEST(sx_every_call_is_a_function_too)
{
    struct sx sx;
    recorder_start();
    (sx_init)(&sx, "function");
    (sx_slock)(&sx);
    (sx_assert)(&sx, SA_SLOCKED);
    ck_assert_int_eq((sx_try_upgrade)(&sx), 1);
    ck_assert_int_ne((sx_xlocked)(&sx), 0);
    (sx_downgrade)(&sx);
    (sx_sunlock)(&sx);
    (sx_xlock)(&sx);
    ck_assert_ptr_eq((sx_xholder)(&sx), curthread);
    (sx_xunlock)(&sx);
    ck_assert_int_eq((sx_slock_sig)(&sx), 0);
    (sx_unlock)(&sx);
    ck_assert_int_eq((sx_xlock_sig)(&sx), 0);
    (sx_unlock)(&sx);
    ck_assert_int_eq((sx_try_slock)(&sx), 1);
    (sx_unlock)(&sx);
    ck_assert_int_eq((sx_try_xlock)(&sx), 1);
    (sx_unlock)(&sx);
    /* Taken by the one, given back by the other. */
    sx_slock(&sx);
    (sx_sunlock)(&sx);
    (sx_xlock)(&sx);
    sx_xunlock(&sx);
    sx_assert(&sx, SA_UNLOCKED);
    (sx_destroy)(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_arguments_are_evaluated_once)
{
    struct sx sx[2], *at = sx;
    recorder_start();
    sx_init(&sx[0], "first");
    sx_init(&sx[1], "second");
    sx_xlock(at++);
    sx_xunlock(--at);
    sx_slock(at++);
    sx_sunlock(--at);
    ck_assert_int_eq(sx_try_xlock(at++), 1);
    sx_downgrade(--at);
    ck_assert_int_eq(sx_try_upgrade(at++), 1);
    sx_assert(--at, SA_XLOCKED);
    sx_unlock(at++);
    ck_assert_ptr_eq(at, &sx[1]);
    sx_destroy(at--);
    sx_destroy(at++);
    ck_assert_ptr_eq(at, &sx[1]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_the_lock_object_tells_name_and_state)
{
    static const char name[] = "vm map";
    struct sx sx;
    memset(&sx, 0, sizeof sx);
    ck_assert_uint_eq(sx.lock_object.lo_flags & LO_INITIALIZED, 0);
    sx_init(&sx, name);
    ck_assert_ptr_eq(sx.lock_object.lo_name, name);
    ck_assert_uint_ne(sx.lock_object.lo_flags & LO_INITIALIZED, 0);
    sx_xlock(&sx);
    ck_assert_ptr_eq(sx.lock_object.lo_name, name);
    ck_assert_uint_ne(sx.lock_object.lo_flags & LO_INITIALIZED, 0);
    sx_xunlock(&sx);
    sx_destroy(&sx);
    ck_assert_uint_eq(sx.lock_object.lo_flags & LO_INITIALIZED, 0);
}
END_TEST

START_TEST(sx_the_lock_object_tells_what_it_can_do)
{
    const unsigned always = LO_SLEEPABLE | LO_UPGRADABLE;
    struct sx sx;
    sx_init(&sx, "plain");
    ck_assert_uint_eq(sx.lock_object.lo_flags & always, always);
    ck_assert_uint_eq(sx.lock_object.lo_flags & LO_RECURSABLE, 0);
    sx_destroy(&sx);
    sx_init_flags(&sx, "recursive", SX_RECURSE);
    ck_assert_uint_eq(sx.lock_object.lo_flags & always, always);
    ck_assert_uint_ne(sx.lock_object.lo_flags & LO_RECURSABLE, 0);
    sx_destroy(&sx);
}
END_TEST

static void ask_curthread(void *arg)
{
    *(struct thread **)arg = curthread;
}

START_TEST(sx_curthread_is_the_thread_of_the_core)
{
    struct thread *seen = NULL;
    struct actor a;
    actor_start(&a, ask_curthread, &seen);
    actor_join(&a);
    ck_assert_ptr_eq((void *)seen, a.thread);
    ck_assert_ptr_eq((void *)curthread, ksl_thread_self());
    ck_assert_uint_eq((uintptr_t)curthread % 64, 0);
}
END_TEST

struct pair {
    struct sx sx;
    int result;
    int error;
};

static void wait_in_vain(void *arg)
{
    struct pair *p = arg;
    errno = ERANGE;
    p->result = sx_xlock_sig(&p->sx);
    p->error = errno;
}

static void wait_with_success(void *arg)
{
    struct pair *p = arg;
    errno = ERANGE;
    sx_slock(&p->sx);
    sx_sunlock(&p->sx);
    p->error = errno;
}

START_TEST(sx_no_call_changes_errno)
{
    struct pair p = {.result = -1};
    struct actor a, b;
    errno = EDOM;
    recorder_start();
    sx_init(&p.sx, "errno");
    sx_xlock(&p.sx);
    ck_assert_int_eq(errno, EDOM);
    actor_start(&a, wait_in_vain, &p);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, 7), 0);
    actor_join(&a);
    ck_assert_int_eq(p.result, EINTR);
    ck_assert_int_eq(p.error, ERANGE);
    p.error = 0;
    actor_start(&b, wait_with_success, &p);
    wait_asleep(b.thread);
    errno = EDOM;
    sx_xunlock(&p.sx);
    ck_assert_int_eq(errno, EDOM);
    actor_join(&b);
    ck_assert_int_eq(p.error, ERANGE);
    errno = EDOM;
    sx_destroy(&p.sx);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx header");
    TCase *tc = tcase_create("header");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_every_call_is_a_function_too);
    tcase_add_test(tc, sx_arguments_are_evaluated_once);
    tcase_add_test(tc, sx_the_lock_object_tells_name_and_state);
    tcase_add_test(tc, sx_the_lock_object_tells_what_it_can_do);
    tcase_add_test(tc, sx_curthread_is_the_thread_of_the_core);
    tcase_add_test(tc, sx_no_call_changes_errno);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
