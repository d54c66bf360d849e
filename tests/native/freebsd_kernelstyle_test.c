/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the driver of freebsd_kernelstyle_other.c. */
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <string.h>

int adder_attach(unsigned unit);
int adder_detach(unsigned unit);
int adder_open(unsigned unit);
int adder_close(unsigned unit);
int adder_write(unsigned unit, const int *values, unsigned n);
int adder_drain(unsigned unit, int timo);
int adder_ioctl(unsigned unit, unsigned long cmd, unsigned long *data);
void adder_worker(void *arg);
void *adder_worker_arg(unsigned unit);

enum { SETFACTOR = 1, GETFACTOR, GETSUM, RESET };
enum { CLIENTS = 3, WRITES = 300, VALUES = 5, SIGNO = 5 };

struct client {
    unsigned unit;
    struct actor actor;
    int errors;
};

static void use(void *arg)
{
    static const int values[VALUES] = {1, 2, 3, 4, 5};
    struct client *c = arg;
    unsigned long factor = 0;
    for (int i = 0; i < WRITES; i++) {
        c->errors += adder_open(c->unit) != 0;
        c->errors += adder_write(c->unit, values, VALUES) != 0;
        c->errors += adder_ioctl(c->unit, GETFACTOR, &factor) != 0 || factor != 2;
        c->errors += adder_ioctl(c->unit, SETFACTOR, &factor) != 0;
        if (i % 50 == 0)
            c->errors += adder_drain(c->unit, 0) != 0;
        c->errors += adder_close(c->unit) != 0;
    }
}

static void attach(unsigned unit, struct actor *worker)
{
    unsigned long two = 2;
    ck_assert_int_eq(adder_attach(unit), 0);
    ck_assert_int_eq(adder_ioctl(unit, SETFACTOR, &two), 0);
    actor_start(worker, adder_worker, adder_worker_arg(unit));
}

static void check_no_violation(void)
{
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

START_TEST(driver_adds_up)
{
    struct client c[2 * CLIENTS];
    struct actor worker[2];
    recorder_start();
    memset(c, 0, sizeof c);
    for (unsigned unit = 0; unit < 2; unit++)
        attach(unit, &worker[unit]);
    ck_assert_int_eq(adder_attach(0), EBUSY);
    ck_assert_int_eq(adder_attach(2), ENXIO);
    for (int i = 0; i < 2 * CLIENTS; i++) {
        c[i].unit = (unsigned)i % 2;
        actor_start(&c[i].actor, use, &c[i]);
    }
    for (int i = 0; i < 2 * CLIENTS; i++) {
        actor_join(&c[i].actor);
        ck_assert_int_eq(c[i].errors, 0);
    }
    for (unsigned unit = 0; unit < 2; unit++) {
        unsigned long sum = 0;
        ck_assert_int_eq(adder_drain(unit, 0), 0);
        ck_assert_int_eq(adder_ioctl(unit, RESET, &sum), 0);
        ck_assert_uint_eq(sum, 2ul * 15 * CLIENTS * WRITES);
        ck_assert_int_eq(adder_ioctl(unit, 99, &sum), ENOTTY);
        ck_assert_int_eq(adder_open(unit), 0);
        ck_assert_int_eq(adder_detach(unit), EBUSY);
        ck_assert_int_eq(adder_close(unit), 0);
        ck_assert_int_eq(adder_detach(unit), 0);
        actor_join(&worker[unit]);
    }
    check_no_violation();
}
END_TEST

struct writer {
    struct actor actor;
    int write_error, drain_error, timed_error;
};

static void overfill(void *arg)
{
    static const int values[20] = {0};
    struct writer *w = arg;
    w->write_error = adder_write(0, values, 20);
    (void)ksl_signal_take();
    int timed = adder_drain(0, 3);
    STORE(&w->timed_error, timed);
    w->drain_error = adder_drain(0, 0);
    (void)ksl_signal_take();
}

/* Without the worker nothing is ever added: signals and timeouts end the waits. */
START_TEST(driver_waits_end_by_signals_and_timeouts)
{
    struct writer w = {0};
    struct actor worker;
    recorder_start();
    ck_assert_int_eq(adder_attach(0), 0);
    actor_start(&w.actor, overfill, &w);
    wait_asleep(w.actor.thread); /* the ring is full */
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO), 0);
    WAIT_UNTIL(LOAD(&w.timed_error));
    wait_asleep(w.actor.thread);
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO), 0);
    actor_join(&w.actor);
    ck_assert_int_eq(w.write_error, EINTR);
    ck_assert_int_eq(w.timed_error, EWOULDBLOCK);
    ck_assert_int_eq(w.drain_error, EINTR);
    actor_start(&worker, adder_worker, adder_worker_arg(0));
    ck_assert_int_eq(adder_drain(0, 0), 0);
    ck_assert_int_eq(adder_detach(0), 0);
    actor_join(&worker);
    check_no_violation();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd driver");
    TCase *tc = tcase_create("driver");
    tcase_add_test(tc, driver_adds_up);
    tcase_add_test(tc, driver_waits_end_by_signals_and_timeouts);
    suite_add_tcase(s, tc);
    return support_run(s);
}
