/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F22: an interrupt on a thread that the library does not know; interrupt state that
 * passes from one thread to another. F23: the host's own requeue.
 */

#include "bugs.h"

#include "thread/irq.h"

#include <kslock/cond.h>
#include <kslock/sleepq.h>

#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IRQ = 21, FOREIGN = 3, RAISES = 300 };

static int stop;             /* atomic */
static unsigned started;     /* atomic */
static unsigned handled;     /* atomic */
static unsigned elsewhere;   /* atomic: handlers on threads that are not known */
static __thread int foreign; /* this thread calls nothing of the library */

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&handled, 1u);
    if (foreign || ksl_tls.self == NULL)
        ADD(&elsewhere, 1u);
}

static void *stranger(void *unused)
{
    (void)unused;
    foreign = 1;
    ADD(&started, 1u);
    while (LOAD(&stop) == 0) {
        for (unsigned i = 0; i < 1000; i++)
            ksi_pause();
        usleep(50);
    }
    return ksl_tls.self; /* NULL: nobody has registered it */
}

START_TEST(f22_interrupts_leave_threads_alone_that_nobody_knows)
{
    pthread_t strangers[FOREIGN];
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 4, handler, NULL), 0);
    for (int i = 0; i < FOREIGN; i++)
        ck_assert_int_eq(pthread_create(&strangers[i], NULL, stranger, NULL), 0);
    WAIT_UNTIL(LOAD(&started) == FOREIGN);
    for (unsigned n = 0; n < RAISES; n++) {
        unsigned before = LOAD(&handled);
        ck_assert_int_eq(ksl_irq_raise(IRQ), 0);
        /* The host may give the signal of the dispatcher to any thread. */
        ck_assert_int_eq(pthread_kill(strangers[n % FOREIGN], ksi_irq_signal()), 0);
        WAIT_UNTIL(LOAD(&handled) != before);
    }
    STORE(&stop, 1);
    for (int i = 0; i < FOREIGN; i++) {
        void *registered = &stop;
        ck_assert_int_eq(pthread_join(strangers[i], &registered), 0);
        ck_assert_ptr_null(registered);
    }
    ck_assert_uint_eq(elsewhere, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

struct state {
    unsigned level;
    bool open;
    ksl_stage stage;
    bool in_handler;
    int prio;
};

/* What it finds; then leaves all of it changed. */
static void look_and_leave(void *arg)
{
    struct state *s = arg;
    ksl_thread *t = ksl_thread_self();
    s->open = ksl_irq_enabled();
    s->level = ksl_irq_save();
    s->stage = ksl_stage_current();
    s->in_handler = ksl_irq_in_handler();
    s->prio = ksl_thread_priority(t);
    ksl_thread_set_priority(t, 50);
    (void)ksl_irq_stall_inband();
    (void)ksl_stage_switch(KSL_STAGE_OOB);
}

/* Threads enough for descriptors to be used again. */
START_TEST(f22_no_state_passes_to_the_next_thread)
{
    enum { THREADS = 700 };
    for (unsigned i = 0; i < THREADS; i++) {
        struct state s = {.level = 99};
        struct actor a;
        actor_start(&a, look_and_leave, &s);
        actor_join(&a);
        ck_assert_uint_eq(s.level, 0);
        ck_assert(s.open);
        ck_assert(!s.in_handler);
        ck_assert_int_eq(s.stage, KSL_STAGE_INBAND);
        ck_assert_int_eq(s.prio, 0);
    }
}
END_TEST

/* The mask of one thread is not that of another one. */

static int mask_all(void *unused)
{
    (void)unused;
    return (int)ksl_irq_set_level(11);
}

static int open_all(void *unused)
{
    (void)unused;
    return (int)ksl_irq_set_level(0);
}

static int is_open(void *unused)
{
    (void)unused;
    return ksl_irq_enabled();
}

START_TEST(f22_a_mask_concerns_its_thread_alone)
{
    struct puppet p[2];
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], mask_all, NULL), 0);
    ck_assert_int_eq(ask(&p[1], is_open, NULL), 1);
    ck_assert(ksl_irq_enabled());
    ck_assert_int_eq(ask(&p[1], mask_all, NULL), 0);
    ck_assert_int_eq(ask(&p[0], open_all, NULL), 11);
    ck_assert_int_eq(ask(&p[0], is_open, NULL), 1);
    ck_assert_int_eq(ask(&p[1], is_open, NULL), 0);
    ck_assert_int_eq(ask(&p[1], open_all, NULL), 11);
    puppets_end(p, 2);
}
END_TEST

/* From now on a futex call that requeues ends the process; false: not possible here. */
static bool forbid_requeue(void)
{
    static const unsigned commands[] = {FUTEX_REQUEUE, FUTEX_CMP_REQUEUE,
                                        FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI};
    struct sock_filter code[16];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, nr));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, args[1]));
    code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7f);
    for (unsigned i = 0; i < 4; i++) {
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, commands[i], 0, 1);
        code[n++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                   &program) == 0;
}

static const char *lacks_filters(void)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(forbid_requeue() ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return "no child can be made";
    return status == 0 ? NULL : "no filters of system calls";
}

static ksl_cond_t cond;
static ksl_sleep_queue_t queue;

static int wait_cond(void *unused)
{
    (void)unused;
    return ksl_cond_wait(&cond, 1);
}

static int sleep_on(void *unused)
{
    (void)unused;
    return ksl_sleepq_sleep(&queue, 0);
}

/* Waiters are never moved by the host from one word to another. */
START_TEST(f23_nothing_is_requeued_by_the_host)
{
    struct puppet p[6];
    ck_assert(forbid_requeue());
    puppets_start(p, 6);
    for (int round = 0; round < 20; round++) {
        ksl_cond_set(&cond, 0);
        for (int i = 0; i < 6; i++)
            tell_blocked(&p[i], i % 2 == 0 ? wait_cond : sleep_on, NULL);
        ksl_cond_set(&cond, 1);
        ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 3);
        for (int i = 0; i < 6; i++)
            ck_assert_int_eq(answer(&p[i]), 0);
    }
    puppets_end(p, 6);
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        struct scene s;
        scene_begin(&s, lock_kind(i), 2);
        ck_assert_int_eq(says(&s, 0, s.kind->take), 0);
        waits(&s, 1, s.kind->take);
        ck_assert_int_eq(says(&s, 0, s.kind->give), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(says(&s, 1, s.kind->give), 0);
        scene_end(&s);
    }
}
END_TEST

void add_f22_and_f23(void)
{
    BUG(f22_interrupts_leave_threads_alone_that_nobody_knows);
    BUG(f22_no_state_passes_to_the_next_thread);
    BUG(f22_a_mask_concerns_its_thread_alone);
    BUG_UNLESS(lacks_filters, f23_nothing_is_requeued_by_the_host);
}
