/* SPDX-License-Identifier: BSD-2-Clause */

/* Stops a thread after each instruction and interrupts it there. */

#define _GNU_SOURCE 1

#if defined(__x86_64__)

#include "every_instruction.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct room room;

enum { TRAP_FLAG = 0x100, ACCUSTOM = 100, DENSE = 60 };

static struct {
    const struct op *op;
    int round;    /* atomic: the round that threads shall run */
    int ended;    /* atomic: the round that the stepped thread has ended */
    int partner;  /* atomic: the round that the partner has ended */
    int quit;     /* atomic */
    int stepping; /* atomic: in the operation */
    int wanted;   /* atomic: the trap handler waits for the interrupt */
    int unserved; /* atomic: raised, and no handler has run since */
    long at;      /* instruction after which the interrupt comes */
    long count;
    const char *wrong; /* first failed check */
    int wrong_line;
} step;

void room_check(bool holds, const char *what, int line)
{
    if (holds || LOAD(&step.wrong) != NULL)
        return;
    STORE(&step.wrong_line, line);
    STORE(&step.wrong, what);
}

void wait_flag(void)
{
    uint64_t state = 0;
    while (!LOAD(&room.flag) && support_keep_waiting(&state))
        ;
}

void wait_flag_is(int value)
{
    uint64_t state = 0;
    while (LOAD(&room.flag) != value && support_keep_waiting(&state))
        ;
    CHECK(LOAD(&room.flag) == value);
}

/* ---- single steps ---- */

static void set_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t" /* not into the red zone */
                     "pushfq\n\t"
                     "orq $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static void clear_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                     "pushfq\n\t"
                     "andq $~0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

/*
 * The thread stands at the instruction meanwhile. All signals are blocked here, so the
 * interrupt's own finds the thread there, after the return.
 */
static void trapped(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    if (++step.count != step.at)
        return;
    STORE(&step.wanted, 1);
    while (LOAD(&step.wanted))
        sched_yield();
    ucontext_t *uc = context;
    uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static bool catch_traps(void)
{
    struct sigaction action = {.sa_sigaction = trapped,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&action.sa_mask);
    return sigaction(SIGTRAP, &action, NULL) == 0;
}

bool step_works(void)
{
    if (!catch_traps())
        return false;
    step.count = 0;
    step.at = 0;
    set_trap_flag();
    for (int i = 0; i < 10; i++)
        __asm__ volatile("nop");
    clear_trap_flag();
    return step.count >= 10;
}

/* ---- the threads ---- */

static spinlock_t private_spin;
static rwlock_t private_rw;
static cond_t unrelated;
static sleep_queue_t empty;

/* What each handler does, whatever it interrupts. */
static void handler(int irq, void *arg)
{
    int save;
    (void)irq;
    (void)arg;
    CHECK(ksl_irq_in_handler());
    CHECK(!LOAD(&room.inside));
    spinlock_acquire(&private_spin);
    rwlock_acquire_write(&private_rw, &save);
    rwlock_release_write(&private_rw, &save);
    rwlock_acquire_read(&private_rw, NULL);
    wakeup_queue(&empty, 0);
    cond_set(&unrelated, 1);
    rwlock_release_read(&private_rw, NULL);
    spinlock_release(&private_spin);
    if (step.op->handler != NULL)
        step.op->handler();
    STORE(&step.unserved, 0);
}

static void wait_partner_asleep(void)
{
    uint64_t state = 0;
    while (!ksl_thread_asleep(room.partner) && support_keep_waiting(&state))
        ;
    CHECK(ksl_thread_asleep(room.partner));
}

static void run_stepped(const struct op *op)
{
    void (*fn)(void) = op->stepped;
    step.count = 0;
    STORE(&step.stepping, 1);
    if (step.at != 0)
        set_trap_flag();
    fn();
    clear_trap_flag();
    STORE(&step.stepping, 0);
}

/* Waits for a round after `last`; 0: no more of them. */
static int next_round(int last)
{
    while (LOAD(&step.round) == last) {
        if (LOAD(&step.quit))
            return 0;
        sched_yield();
    }
    return LOAD(&step.round);
}

static void stepper(void *arg)
{
    (void)arg;
    for (int round = 0; (round = next_round(round)) != 0;) {
        const struct op *op = step.op;
        room.self = get_current_task();
        if (op->before != NULL)
            op->before();
        STORE(&room.result, 0);
        if (op->partner_sleeps)
            wait_partner_asleep();
        run_stepped(op);
        CHECK(ksl_irq_enabled());
        CHECK(!LOAD(&step.unserved));
        if (op->after != NULL)
            op->after();
        (void)ksl_syscall_exit(); /* reports what is still in the record */
        STORE(&step.ended, round);
    }
}

static void partner(void *arg)
{
    (void)arg;
    for (int round = 0; (round = next_round(round)) != 0;) {
        if (step.op->partner != NULL)
            step.op->partner();
        STORE(&step.partner, round);
    }
}

/* ---- the rounds ---- */

static void raise_on(const struct actor *a)
{
    STORE(&step.unserved, 1);
    CHECK(ksl_irq_raise_on(a->thread, IRQ) == 0);
}

/*
 * One round with the interrupt after instruction `at`. If the thread falls
 * asleep before that, an interrupt comes in its sleep, and another one after
 * instruction `at` if it lies behind the sleep. False if there are fewer
 * instructions.
 */
static bool run_round(const struct actor *a, long at)
{
    bool raised = false, reached = false;
    uint64_t state = 0;
    memset(&room, 0, offsetof(struct room, self));
    step.at = at;
    STORE(&step.unserved, 0);
    int round = ADD(&step.round, 1);
    while (LOAD(&step.ended) != round || LOAD(&step.partner) != round) {
        if (LOAD(&step.wanted)) {
            raised = true;
            reached = true;
            raise_on(a);
            STORE(&step.wanted, 0);
        } else if (!raised && LOAD(&step.stepping) && ksl_thread_asleep(a->thread)) {
            raised = true;
            raise_on(a);
        }
        if (!support_keep_waiting(&state))
            ck_abort_msg("%s, instruction %ld: hangs%s", step.op->name, at,
                         ksl_thread_asleep(a->thread) ? ", asleep" : "");
    }
    if (step.op->settled != NULL)
        step.op->settled();
    bool refused = recorder_count(NULL) > 0 && !step.op->refusals;
    ck_assert_msg(LOAD(&step.wrong) == NULL && !refused,
                  "%s, instruction %ld, line %d: %s; violation: %s", step.op->name, at,
                  LOAD(&step.wrong_line), LOAD(&step.wrong), recorder_last().message);
    return reached;
}

static void start(struct actor *a, struct actor *b, const struct op *op)
{
    memset(&step, 0, sizeof step);
    step.op = op;
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, handler, NULL), 0);
    actor_start(b, partner, NULL);
    STORE(&room.partner, b->thread);
    actor_start(a, stepper, NULL);
}

static void end(struct actor *a, struct actor *b)
{
    STORE(&step.quit, 1);
    actor_join(a);
    actor_join(b);
    recorder_stop();
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

/* A round in a process of its own, so that nothing has been done before. */
static bool run_fresh_round(const struct op *op, long at)
{
    enum { REACHED = 10, PAST = 11 };
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct actor a, b;
        start(&a, &b, op);
        bool reached = run_round(&a, at);
        end(&a, &b);
        _exit(reached ? REACHED : PAST);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) &&
                      (WEXITSTATUS(status) == REACHED || WEXITSTATUS(status) == PAST),
                  "%s, instruction %ld: child ended with %x", op->name, at,
                  (unsigned)status);
    return WEXITSTATUS(status) == REACHED;
}

long step_through(const struct op *op, long stride)
{
    struct actor a, b;
    long at = 1;
    long dense = op->dense != 0 ? op->dense : DENSE;
    if (op->fresh) {
        while (run_fresh_round(op, at))
            at += at < dense ? 1 : stride;
        return at;
    }
    start(&a, &b, op);
    for (int i = 0; i < ACCUSTOM; i++) /* waits learn how long to spin */
        run_round(&a, 0);
    while (run_round(&a, at))
        at += at < dense ? 1 : stride;
    end(&a, &b);
    return at;
}

#endif
