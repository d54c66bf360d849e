/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix rwsem: statements R1 to R9, T5 to T8; misuse is in a file of its own. */
#include <kernel/asm.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5 };

/* A thread that takes the lock once and holds it until it is told to leave. */
struct guest {
    rwsem_t *sem;
    bool write;
    bool masked;
    struct actor actor;
    int taken;
    int released;
    int inside;
    int leave;
    int open;
    int pending;
};

static void visit(void *arg)
{
    struct guest *g = arg;
    if (g->masked)
        disable_interrupt();
    g->taken = g->write ? rwsem_acquire_write(g->sem) : rwsem_acquire_read(g->sem);
    g->open = have_interrupt() != 0;
    g->pending = ksl_signal_pending();
    STORE(&g->inside, 1);
    WORKER_WAIT(LOAD(&g->leave));
    g->released = g->write ? rwsem_release_write(g->sem) : rwsem_release_read(g->sem);
    enable_interrupt();
}

static void start_guest(struct guest *g, rwsem_t *sem, bool write)
{
    g->sem = sem;
    g->write = write;
    g->taken = g->released = 1;
    actor_start(&g->actor, visit, g);
}

static void start_inside(struct guest *g, rwsem_t *sem, bool write)
{
    start_guest(g, sem, write);
    WAIT_UNTIL(LOAD(&g->inside));
}

static void start_waiting(struct guest *g, rwsem_t *sem, bool write)
{
    start_guest(g, sem, write);
    wait_asleep(g->actor.thread);
}

static void send_away(struct guest *g)
{
    STORE(&g->leave, 1);
    actor_join(&g->actor);
    ck_assert_int_eq(g->taken, 0);
    ck_assert_int_eq(g->released, 0);
}

static void check_waiting(const struct guest *g)
{
    wait_asleep(g->actor.thread);
    ck_assert_int_eq(LOAD(&g->inside), 0);
}

/* Another thread gets in to write at once and leaves. */
static void check_free(rwsem_t *sem)
{
    struct guest g = {.leave = 1};
    start_guest(&g, sem, true);
    send_away(&g);
}

START_TEST(R1_many_readers_at_once)
{
    rwsem_t sem;
    struct guest g[8];
    memset(&sem, 0, sizeof sem);
    memset(g, 0, sizeof g);
    for (int i = 0; i < 8; i++)
        start_inside(&g[i], &sem, false);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    ck_assert_int_eq(rwsem_release_read(&sem), 0);
    for (int i = 0; i < 8; i++)
        send_away(&g[i]);
    check_free(&sem);
}
END_TEST

START_TEST(R1_a_writer_is_alone)
{
    rwsem_t sem = {0};
    struct guest reader = {0}, writer = {0};
    ck_assert_int_eq(rwsem_acquire_write(&sem), 0);
    start_waiting(&reader, &sem, false);
    ck_assert_int_eq(rwsem_release_write(&sem), 0);
    WAIT_UNTIL(LOAD(&reader.inside));
    start_waiting(&writer, &sem, true);
    STORE(&reader.leave, 1);
    WAIT_UNTIL(LOAD(&writer.inside));
    send_away(&reader);
    send_away(&writer);
    check_free(&sem);
}
END_TEST

START_TEST(init_names)
{
    rwsem_t sem;
    memset(&sem, 0xa5, sizeof sem);
    rwsem_init(&sem);
    ck_assert_int_eq(rwsem_acquire_write(&sem), 0);
    ck_assert_int_eq(rwsem_release_write(&sem), 0);
    memset(&sem, 0x5a, sizeof sem);
    init_rwsem(&sem);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    ck_assert_int_eq(rwsem_release_read(&sem), 0);
    check_free(&sem);
}
END_TEST

START_TEST(R2_a_waiting_writer_keeps_new_readers_out)
{
    rwsem_t sem = {0};
    struct guest writer = {0}, reader = {0};
    rwsem_acquire_read(&sem);
    start_waiting(&writer, &sem, true);
    start_waiting(&reader, &sem, false);
    ck_assert_int_eq(LOAD(&reader.inside), 0);
    rwsem_release_read(&sem);
    WAIT_UNTIL(LOAD(&writer.inside));
    check_waiting(&reader);
    send_away(&writer);
    WAIT_UNTIL(LOAD(&reader.inside));
    send_away(&reader);
}
END_TEST

START_TEST(R3_last_reader_out_lets_one_writer_in)
{
    rwsem_t sem = {0};
    struct guest reader = {0}, first = {0}, second = {0};
    rwsem_acquire_read(&sem);
    start_inside(&reader, &sem, false);
    start_waiting(&first, &sem, true);
    start_waiting(&second, &sem, true);
    ck_assert_int_eq(ksl_thread_set_priority(second.actor.thread, 90), 0);
    send_away(&reader);
    check_waiting(&first);
    rwsem_release_read(&sem);
    WAIT_UNTIL(LOAD(&first.inside));
    check_waiting(&second);
    send_away(&first);
    WAIT_UNTIL(LOAD(&second.inside));
    send_away(&second);
    check_free(&sem);
}
END_TEST

START_TEST(R3_R9_writer_out_prefers_writers_then_all_readers)
{
    rwsem_t sem = {0};
    struct guest r1 = {0}, w1 = {0}, r2 = {0}, w2 = {0};
    rwsem_acquire_write(&sem);
    start_waiting(&r1, &sem, false);
    start_waiting(&w1, &sem, true);
    start_waiting(&r2, &sem, false);
    start_waiting(&w2, &sem, true);
    ck_assert_int_eq(ksl_thread_set_priority(w2.actor.thread, 90), 0);
    ck_assert_int_eq(ksl_thread_set_priority(r1.actor.thread, 99), 0);
    ck_assert_int_eq(ksl_thread_effective_priority(ksl_thread_self()), 0);
    rwsem_release_write(&sem);
    WAIT_UNTIL(LOAD(&w1.inside));
    check_waiting(&r1);
    check_waiting(&r2);
    check_waiting(&w2);
    send_away(&w1);
    WAIT_UNTIL(LOAD(&w2.inside));
    check_waiting(&r1);
    check_waiting(&r2);
    send_away(&w2);
    WAIT_UNTIL(LOAD(&r1.inside) && LOAD(&r2.inside));
    send_away(&r1);
    send_away(&r2);
    check_free(&sem);
}
END_TEST

START_TEST(R4_the_writer_may_take_it_again_in_both_modes)
{
    rwsem_t sem = {0};
    struct guest g = {0};
    ck_assert_int_eq(rwsem_acquire_write(&sem), 0);
    ck_assert_int_eq(rwsem_acquire_write(&sem), 0);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    start_waiting(&g, &sem, false);
    ck_assert_int_eq(rwsem_release_read(&sem), 0);
    check_waiting(&g);
    ck_assert_int_eq(rwsem_release_write(&sem), 0);
    check_waiting(&g);
    ck_assert_int_eq(rwsem_release_write(&sem), 0);
    WAIT_UNTIL(LOAD(&g.inside));
    send_away(&g);
    check_free(&sem);
}
END_TEST

START_TEST(R4_T7_write_released_before_the_inner_read)
{
    rwsem_t sem = {0};
    struct guest g = {0};
    recorder_start();
    ck_assert_int_eq(rwsem_acquire_write(&sem), 0);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    start_waiting(&g, &sem, true);
    ck_assert_int_eq(rwsem_release_write(&sem), 0);
    check_waiting(&g);
    ck_assert_int_eq(rwsem_release_read(&sem), 0);
    WAIT_UNTIL(LOAD(&g.inside));
    send_away(&g);
    check_free(&sem);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(R5_T6_a_reader_enters_again_though_a_writer_waits)
{
    rwsem_t sem = {0};
    struct guest other = {0}, writer = {0};
    recorder_start();
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    start_inside(&other, &sem, false);
    start_waiting(&writer, &sem, true);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    send_away(&other);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rwsem_release_read(&sem), 0);
        check_waiting(&writer);
    }
    ck_assert_int_eq(rwsem_release_read(&sem), 0);
    WAIT_UNTIL(LOAD(&writer.inside));
    send_away(&writer);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void check_not_ended(bool write)
{
    rwsem_t sem = {0};
    struct guest g = {0};
    rwsem_acquire_write(&sem);
    start_waiting(&g, &sem, write);
    ck_assert_int_eq(ksl_signal_post(g.actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_thread_unblock(g.actor.thread), 0);
    ck_assert_int_eq(unblock_task(g.actor.thread), 0);
    check_waiting(&g);
    rwsem_release_write(&sem);
    WAIT_UNTIL(LOAD(&g.inside));
    send_away(&g);
    ck_assert_int_eq(g.pending, 1);
    check_free(&sem);
}

START_TEST(R8_T5_signal_and_forced_unblock_do_not_end_a_wait)
{
    check_not_ended(false);
    check_not_ended(true);
}
END_TEST

static void count_irq(int irq, void *arg)
{
    (void)irq;
    ADD((int *)arg, 1);
}

START_TEST(sleeping_with_interrupts_masked_still_takes_interrupts)
{
    rwsem_t sem = {0};
    int ran = 0;
    recorder_start();
    int rc = ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, count_irq, &ran);
    ck_assert_int_eq(rc, 0);
    rwsem_acquire_write(&sem);
    for (int write = 0; write < 2; write++) {
        struct guest g = {.masked = true};
        start_waiting(&g, &sem, write != 0);
        ck_assert_int_eq(ksl_irq_raise_on(g.actor.thread, IRQ), 0);
        WAIT_UNTIL(LOAD(&ran) == write + 1);
        check_waiting(&g);
        rwsem_release_write(&sem);
        WAIT_UNTIL(LOAD(&g.inside));
        ck_assert_int_eq(g.open, 0);
        send_away(&g);
        rwsem_acquire_write(&sem);
    }
    rwsem_release_write(&sem);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sixty_four_distinct_read_holds)
{
    static rwsem_t sem[65];
    memset(sem, 0, sizeof sem);
    recorder_start();
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(rwsem_acquire_read(&sem[i]), 0);
    ck_assert_int_eq(rwsem_acquire_read(&sem[0]), 0);
    ck_assert_int_eq(rwsem_acquire_read(&sem[63]), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(rwsem_acquire_read(&sem[64]), -EPERM);
    ASSERT_VIOLATED("bad-argument");
    check_free(&sem[64]);
    ck_assert_int_eq(rwsem_release_read(&sem[0]), 0);
    ck_assert_int_eq(rwsem_release_read(&sem[0]), 0);
    check_free(&sem[0]);
    ck_assert_int_eq(rwsem_acquire_read(&sem[64]), 0);
    ck_assert_int_eq(rwsem_release_read(&sem[63]), 0);
    for (int i = 1; i < 65; i++)
        ck_assert_int_eq(rwsem_release_read(&sem[i]), 0);
    for (int i = 0; i < 65; i++)
        check_free(&sem[i]);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(errno_is_preserved)
{
    rwsem_t sem = {0};
    errno = 77;
    rwsem_acquire_read(&sem);
    rwsem_release_read(&sem);
    rwsem_acquire_write(&sem);
    rwsem_release_write(&sem);
    ck_assert_int_eq(errno, 77);
    recorder_start();
    errno = 78;
    ck_assert_int_eq(rwsem_release_write(&sem), -EPERM);
    ck_assert_int_eq(errno, 78);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix rwsem");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, R1_many_readers_at_once);
    tcase_add_test(tc, R1_a_writer_is_alone);
    tcase_add_test(tc, init_names);
    tcase_add_test(tc, R2_a_waiting_writer_keeps_new_readers_out);
    tcase_add_test(tc, R3_last_reader_out_lets_one_writer_in);
    tcase_add_test(tc, R3_R9_writer_out_prefers_writers_then_all_readers);
    tcase_add_test(tc, R4_the_writer_may_take_it_again_in_both_modes);
    tcase_add_test(tc, R4_T7_write_released_before_the_inner_read);
    tcase_add_test(tc, R5_T6_a_reader_enters_again_though_a_writer_waits);
    tcase_add_test(tc, R8_T5_signal_and_forced_unblock_do_not_end_a_wait);
    tcase_add_test(tc, sleeping_with_interrupts_masked_still_takes_interrupts);
    tcase_add_test(tc, sixty_four_distinct_read_holds);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
