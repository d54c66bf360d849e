/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An interrupt after every single instruction of the calls on a biased stax, whose
 * handlers try it from both stages, and on a kernel mutex. The inlined paths of the
 * header are part of this file. Argument: the stride beyond the first positions.
 */
#include "every_instruction_main.h"

#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/stax.h>

#if STEPS

enum { OOB_IRQ = 10, OOB_LEVEL = 8, BURST = 12 };

static struct evl_stax stax;
static struct evl_kmutex mutex;
static int held;  /* atomic: the stepped thread is inside on the in-band stage */
static int taken; /* atomic: a handler has taken the other entry off */

/* ---- handlers ---- */

static void oob_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    bool must_not = LOAD(&held) != 0;
    if (evl_trylock_stax(&stax) == 0) {
        CHECK(!must_not);
        evl_unlock_stax(&stax);
    }
}

static void handler_try(void)
{
    bool must = LOAD(&held) != 0;
    int error = evl_trylock_stax(&stax);
    CHECK(error == 0 || !must);
    if (error == 0)
        evl_unlock_stax(&stax);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), OOB_IRQ) == 0);
}

static void handler_take_off(void)
{
    if (ADD(&taken, 1) == 1)
        evl_unlock_stax(&stax);
    handler_try();
}

/* ---- operations ---- */

static void before_free(void)
{
    (void)evl_init_stax(&stax);
    STORE(&held, 0);
    STORE(&taken, 0);
    for (int i = 0; i < BURST; i++) {
        CHECK(evl_lock_stax(&stax) == 0);
        evl_unlock_stax(&stax);
    }
    CHECK((LOAD(&stax.ksl_gate) & KSL_GATE_BIAS) != 0);
}

static void before_inside(void)
{
    before_free();
    CHECK(evl_lock_stax(&stax) == 0);
    STORE(&held, 1);
}

static void after_free(void)
{
    CHECK(evl_trylock_stax(&stax) == 0);
    evl_unlock_stax(&stax);
    CHECK(evl_switch_oob() == 0);
    CHECK(evl_trylock_stax(&stax) == 0);
    evl_unlock_stax(&stax);
    evl_switch_inband(0);
}

static void op_lock(void)
{
    CHECK(evl_lock_stax(&stax) == 0);
    STORE(&held, 1);
    STORE(&held, 0);
    evl_unlock_stax(&stax);
}

static void op_trylock(void)
{
    CHECK(evl_trylock_stax(&stax) == 0);
    STORE(&held, 1);
    CHECK(evl_lock_stax(&stax) == 0); /* nested: counted */
    evl_unlock_stax(&stax);
    STORE(&held, 0);
    evl_unlock_stax(&stax);
}

static void op_unlock(void)
{
    STORE(&held, 0);
    evl_unlock_stax(&stax);
}

static void op_leave_stage(void)
{
    CHECK(evl_switch_oob() == 0);
    CHECK(evl_trylock_stax(&stax) == -EAGAIN);
    evl_switch_inband(0);
}

static void after_leave_stage(void)
{
    op_unlock();
    after_free();
}

static void before_waiter(void)
{
    before_inside();
    STORE(&room.flag, GO);
}

/* It waits for the stepped thread, whose entry is counted for that. */
static void partner_waits(void)
{
    wait_flag_is(GO);
    CHECK(evl_switch_oob() == 0);
    CHECK(evl_lock_stax(&stax) == 0);
    evl_unlock_stax(&stax);
    evl_switch_inband(0);
    STORE(&room.flag, OVER);
}

static void after_waiter(void)
{
    wait_flag_is(OVER);
    after_free();
}

static void before_second(void)
{
    before_inside();
    STORE(&room.flag, GO);
    wait_flag_is(IN);
    STORE(&held, 0);
}

/* Its entry, or the other one, is taken off by a handler. */
static void partner_enters(void)
{
    wait_flag_is(GO);
    CHECK(evl_lock_stax(&stax) == 0);
    STORE(&room.flag, IN);
    wait_flag_is(OVER);
}

static void after_second(void)
{
    if (LOAD(&taken) == 0)
        evl_unlock_stax(&stax);
    after_free();
    STORE(&room.flag, OVER);
}

/* ---- mutex ---- */

static void before_mutex_free(void)
{
    evl_init_kmutex(&mutex);
    STORE(&held, 0);
}

static void op_kmutex(void)
{
    CHECK(evl_lock_kmutex(&mutex) == 0);
    STORE(&held, 1);
    CHECK(evl_trylock_kmutex(&mutex) == -EDEADLK);
    STORE(&held, 0);
    evl_unlock_kmutex(&mutex);
    CHECK(evl_trylock_kmutex(&mutex) == 0);
    evl_unlock_kmutex(&mutex);
}

/* For its thread, and what it takes it gives back. */
static void handler_mutex(void)
{
    bool must_not = LOAD(&held) != 0;
    int error = evl_trylock_kmutex(&mutex);
    CHECK(error == -EDEADLK || (error == 0 && !must_not));
    if (error == 0)
        evl_unlock_kmutex(&mutex);
}

static void after_mutex(void)
{
    CHECK(evl_lock_kmutex(&mutex) == 0);
    evl_unlock_kmutex(&mutex);
    evl_destroy_kmutex(&mutex);
}

static const struct op ops[] = {
    {.name = "mutex",
     .before = before_mutex_free,
     .stepped = op_kmutex,
     .after = after_mutex,
     .handler = handler_mutex,
     .dense = SHORT_PATH},
    {.name = "lock and unlock",
     .before = before_free,
     .stepped = op_lock,
     .after = after_free,
     .handler = handler_try,
     .dense = SHORT_PATH},
    {.name = "trylock and nested lock",
     .before = before_free,
     .stepped = op_trylock,
     .after = after_free,
     .handler = handler_try,
     .dense = SHORT_PATH},
    {.name = "unlock",
     .before = before_inside,
     .stepped = op_unlock,
     .after = after_free,
     .handler = handler_try,
     .dense = SHORT_PATH},
    {.name = "leaving the stage inside",
     .before = before_inside,
     .stepped = op_leave_stage,
     .after = after_leave_stage,
     .handler = handler_try},
    {.name = "unlock, the other stage waits",
     .before = before_waiter,
     .stepped = op_unlock,
     .after = after_waiter,
     .handler = handler_try,
     .partner = partner_waits,
     .partner_sleeps = true},
    {.name = "unlock, a handler unlocks for another thread",
     .before = before_second,
     .stepped = op_unlock,
     .after = after_second,
     .handler = handler_take_off,
     .partner = partner_enters,
     .dense = SHORT_PATH},
};

START_TEST(stax_after_each_instruction)
{
    ck_assert_int_eq(
        ksl_irq_request(OOB_IRQ, KSL_STAGE_OOB, OOB_LEVEL, oob_handler, NULL), 0);
    interrupt_each(&ops[_i]);
    ck_assert_int_eq(ksl_irq_free(OOB_IRQ), 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (!steps_ready(argc, argv, 23))
        return 77;
    TCase *tc = tcase_create("stax");
    tcase_add_loop_test(tc, stax_after_each_instruction, 0,
                        (int)(sizeof ops / sizeof *ops));
    return steps_run("every_instruction_stax", tc);
}

#endif
