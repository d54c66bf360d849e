/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9) under load; every oracle is exact (rules 4, 14 to 20, 34, 36). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/signal.h>

#include "support.h"

#include <sched.h>
#include <sys/mman.h>

enum { THREADS = 4, LOOPS = 10000, SIGNO = 5 };

struct data {
    struct sx sx;
    long first, second; /* equal whenever no writer is inside */
    int next;           /* atomic */
    int writes;         /* atomic: how often first was incremented */
    int bad;            /* atomic */
};

static void start_all(struct actor *a, void (*fn)(void *arg), struct data *d)
{
    for (int i = 0; i < THREADS; i++)
        actor_start(&a[i], fn, d);
}

static void finish(struct actor *a, struct data *d)
{
    for (int i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(d->bad, 0);
    ck_assert_int_eq(d->first, d->writes);
    ck_assert_int_eq(d->second, d->writes);
    ck_assert_int_eq(sx_try_xlock(&d->sx), 1);
    sx_xunlock(&d->sx);
    sx_destroy(&d->sx);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
}

static void write_pair(struct data *d)
{
    d->first++;
    ADD(&d->writes, 1);
    d->second++;
}

static void read_pair(struct data *d)
{
    if (d->first != d->second)
        ADD(&d->bad, 1);
}

static void count_up(void *arg)
{
    struct data *d = arg;
    for (int i = 0; i < LOOPS; i++) {
        sx_xlock(&d->sx);
        write_pair(d);
        sx_xunlock(&d->sx);
    }
}

START_TEST(sx_R4_writers_lose_no_increment)
{
    struct data d = {.next = 0};
    struct actor a[THREADS];
    recorder_start();
    sx_init(&d.sx, "counter");
    start_all(a, count_up, &d);
    finish(a, &d);
    ck_assert_int_eq(d.first, THREADS * LOOPS);
}
END_TEST

/* One write in so many passages: the lock is read mostly, or hardly. */
static int write_every;

static void read_and_write(void *arg)
{
    struct data *d = arg;
    int me = ADD(&d->next, 1);
    for (int i = 0; i < LOOPS; i++) {
        if ((i + me) % write_every == 0) {
            sx_xlock(&d->sx);
            write_pair(d);
            sx_xunlock(&d->sx);
            continue;
        }
        sx_slock(&d->sx);
        read_pair(d);
        if (i % 8 == 0) {
            sx_slock(&d->sx);
            read_pair(d);
            sx_sunlock(&d->sx);
        }
        sx_sunlock(&d->sx);
    }
}

START_TEST(sx_R4_readers_see_whole_writes)
{
    static const int every[] = {2, 4, 50, 1000};
    struct data d = {.next = 0};
    struct actor a[THREADS];
    write_every = every[_i];
    recorder_start();
    sx_init(&d.sx, "pair");
    start_all(a, read_and_write, &d);
    finish(a, &d);
}
END_TEST

static void convert_up(struct data *d)
{
    sx_slock(&d->sx);
    long seen = d->first;
    read_pair(d);
    if (sx_try_upgrade(&d->sx) != 0) {
        if (d->first != seen)
            ADD(&d->bad, 1);
        write_pair(d);
        if (sx_xlocked(&d->sx) == 0)
            ADD(&d->bad, 1);
        sx_xunlock(&d->sx);
    } else {
        read_pair(d);
        sx_sunlock(&d->sx);
    }
}

static void convert_down(struct data *d)
{
    sx_xlock(&d->sx);
    write_pair(d);
    long seen = d->first;
    sx_downgrade(&d->sx);
    if (d->first != seen)
        ADD(&d->bad, 1);
    read_pair(d);
    sx_sunlock(&d->sx);
}

static void try_all(struct data *d)
{
    if (sx_try_xlock(&d->sx) != 0) {
        write_pair(d);
        sx_xunlock(&d->sx);
    }
    if (sx_try_slock(&d->sx) != 0) {
        read_pair(d);
        sx_sunlock(&d->sx);
    }
}

static void wait_interruptibly(struct data *d, int i)
{
    int result = i % 2 == 0 ? sx_slock_sig(&d->sx) : sx_xlock_sig(&d->sx);
    if (result == 0) {
        if (i % 2 == 0)
            read_pair(d);
        else
            write_pair(d);
        sx_unlock(&d->sx);
    } else if (result != EINTR) {
        ADD(&d->bad, 1);
    }
}

static void recurse(struct data *d)
{
    sx_xlock(&d->sx);
    d->first++;
    sx_xlock(&d->sx);
    ADD(&d->writes, 1);
    sx_xunlock(&d->sx);
    d->second++;
    sx_unlock(&d->sx);
}

static void do_everything(void *arg)
{
    struct data *d = arg;
    int me = ADD(&d->next, 1);
    for (int i = 0; i < LOOPS; i++) {
        switch ((i + me) % 6) {
        case 0:
            convert_up(d);
            break;
        case 1:
            convert_down(d);
            break;
        case 2:
            try_all(d);
            break;
        case 3:
            wait_interruptibly(d, i / 6);
            break;
        case 4:
            recurse(d);
            break;
        default:
            sx_slock(&d->sx);
            read_pair(d);
            sx_sunlock(&d->sx);
        }
        if (i % 16 == 0)
            (void)ksl_signal_take();
    }
    while (ksl_signal_take() != 0) {
    }
}

START_TEST(sx_R4_R14_R20_R34_all_calls_under_signals)
{
    struct data d = {.next = 0};
    struct actor a[THREADS];
    recorder_start();
    sx_init_flags(&d.sx, "everything", SX_RECURSE);
    start_all(a, do_everything, &d);
    for (int i = 0; i < 2000; i++) {
        struct actor *victim = &a[i % THREADS];
        if (!actor_finished(victim)) {
            (void)ksl_signal_post(victim->thread, SIGNO);
            (void)ksl_thread_unblock(victim->thread);
        }
        sched_yield();
    }
    finish(a, &d);
}
END_TEST

enum { OBJECTS = 300 };

/* An object in memory of its own, which is unmapped when the last user leaves. */
struct object {
    struct sx sx;
    int users; /* under sx */
};

static struct object *object[OBJECTS];
static int here[OBJECTS], freed;

static void map_objects(void)
{
    recorder_start();
    freed = 0;
    for (int i = 0; i < OBJECTS; i++) {
        void *at = mmap(NULL, sizeof(struct object), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(at, MAP_FAILED);
        object[i] = at;
        object[i]->users = THREADS;
        sx_init(&object[i]->sx, "short lived");
        here[i] = 0;
    }
}

static void meet(int i)
{
    uint64_t state = 0;
    ADD(&here[i], 1);
    while (LOAD(&here[i]) < THREADS && support_keep_waiting(&state)) {
    }
}

static void leave_by_count(void *arg)
{
    (void)arg;
    for (int i = 0; i < OBJECTS; i++) {
        struct object *o = object[i];
        meet(i);
        sx_slock(&o->sx);
        sx_sunlock(&o->sx);
        sx_xlock(&o->sx);
        bool last = --o->users == 0;
        sx_xunlock(&o->sx);
        if (!last)
            continue;
        sx_destroy(&o->sx);
        (void)munmap(o, sizeof *o);
        ADD(&freed, 1);
    }
}

START_TEST(sx_memory_may_go_when_the_last_owner_was_let_in)
{
    struct actor a[THREADS];
    map_objects();
    for (int i = 0; i < THREADS; i++)
        actor_start(&a[i], leave_by_count, NULL);
    for (int i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(freed, OBJECTS);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Shares for as long as the object lives; announces each share before the release. */
static void share_and_leave(void *arg)
{
    (void)arg;
    for (int i = 0; i < OBJECTS; i++) {
        struct object *o = object[i];
        sx_slock(&o->sx);
        ADD(&here[i], 1);
        sx_sunlock(&o->sx);
    }
}

START_TEST(sx_memory_may_go_when_a_writer_was_let_in_by_readers)
{
    struct actor a[THREADS];
    map_objects();
    for (int i = 0; i < THREADS; i++)
        actor_start(&a[i], share_and_leave, NULL);
    for (int i = 0; i < OBJECTS; i++) {
        WAIT_UNTIL(LOAD(&here[i]) == THREADS);
        sx_xlock(&object[i]->sx);
        sx_xunlock(&object[i]->sx);
        sx_destroy(&object[i]->sx);
        ck_assert_int_eq(munmap(object[i], sizeof *object[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx stress");
    TCase *tc = tcase_create("stress");
    tcase_set_timeout(tc, 180);
    tcase_add_test(tc, sx_R4_writers_lose_no_increment);
    tcase_add_loop_test(tc, sx_R4_readers_see_whole_writes, 0, 4);
    tcase_add_test(tc, sx_R4_R14_R20_R34_all_calls_under_signals);
    tcase_add_test(tc, sx_memory_may_go_when_the_last_owner_was_let_in);
    tcase_add_test(tc, sx_memory_may_go_when_a_writer_was_let_in_by_readers);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
