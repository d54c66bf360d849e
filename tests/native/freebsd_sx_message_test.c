/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): what a violation tells, and what happens without a handler for it. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/irq.h>

#include "outcome.h"
#include "support.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#define HERE "freebsd_sx_message_test.c"

static const char description[] = "the described lock";
static struct sx sx;

/* The newest violation, all of it. */
static struct {
    int count;
    char rule[32];
    char message[1024];
    char lock_name[64];
    char file[512];
    int line;
    const void *lock;
    ksl_thread *thread;
} got;

static void keep(const ksl_violation *v, void *arg)
{
    (void)arg;
    ADD(&got.count, 1);
    snprintf(got.rule, sizeof got.rule, "%s", v->rule);
    snprintf(got.message, sizeof got.message, "%s", v->message);
    snprintf(got.lock_name, sizeof got.lock_name, "%s",
             v->lock_name != NULL ? v->lock_name : "");
    snprintf(got.file, sizeof got.file, "%s", v->file != NULL ? v->file : "");
    got.line = v->line;
    got.lock = v->lock;
    got.thread = v->thread;
}

static void setup(int flags)
{
    got.count = 0;
    ksl_set_violation_handler(keep, NULL);
    sx_init_flags(&sx, description, flags);
    ck_assert_int_eq(ksl_thread_set_name(ksl_thread_self(), "culprit"), 0);
}

static bool says(const char *text)
{
    return strstr(got.message, text) != NULL;
}

static bool says_place(int line)
{
    char place[64];
    snprintf(place, sizeof place, HERE ":%d", line);
    size_t length = strlen(place);
    for (const char *at = strstr(got.message, place); at != NULL;
         at = strstr(at + 1, place)) {
        if (at[length] < '0' || at[length] > '9')
            return true;
    }
    return false;
}

/* One violation since setup, made by the main thread at that line. */
static void check_told(const char *rule, int line)
{
    size_t end = strlen(got.file), wanted = strlen(HERE);
    ck_assert_msg(got.count == 1 && strcmp(got.rule, rule) == 0, "%d, last %s: %s",
                  got.count, got.rule, got.message);
    /* The name of a lock may go with the lock. */
    if (strcmp(rule, "destroyed") != 0) {
        ck_assert_msg(says(description), "no description: %s", got.message);
        ck_assert_str_eq(got.lock_name, description);
    }
    ck_assert_msg(says("culprit"), "no thread: %s", got.message);
    ck_assert_msg(says_place(line), "not line %d: %s", line, got.message);
    ck_assert_msg(strchr(got.message, '\n') == NULL, "more than a line: %s", got.message);
    ck_assert_msg(end >= wanted && strcmp(got.file + end - wanted, HERE) == 0,
                  "file is '%s'", got.file);
    ck_assert_int_eq(got.line, line);
    ck_assert_ptr_eq(got.lock, &sx);
    ck_assert_ptr_eq(got.thread, ksl_thread_self());
    got.count = 0;
}

/* Makes the call, whose place is this line, and checks what is told of it. */
#define TOLD(rule, call)                                                                 \
    do {                                                                                 \
        call;                                                                            \
        check_told(rule, __LINE__);                                                      \
    } while (0)

/* The calls that need no hold of anybody. */
START_TEST(sx_messages_name_lock_thread_and_place)
{
    setup(0);
    TOLD("not-locked", sx_sunlock(&sx));
    TOLD("not-locked", sx_xunlock(&sx));
    TOLD("not-locked", sx_unlock(&sx));
    TOLD("not-locked", sx_downgrade(&sx));
    TOLD("not-locked", (void)sx_try_upgrade(&sx));
    TOLD("assertion", sx_assert(&sx, SA_LOCKED));
    TOLD("bad-argument", sx_assert(&sx, SA_RECURSED));
    sx_destroy(&sx);
    TOLD("destroyed", sx_slock(&sx));
    TOLD("destroyed", sx_xlock(&sx));
    TOLD("destroyed", (void)sx_slock_sig(&sx));
    TOLD("destroyed", (void)sx_xlock_sig(&sx));
    TOLD("destroyed", (void)sx_try_slock(&sx));
    TOLD("destroyed", (void)sx_try_xlock(&sx));
    TOLD("destroyed", sx_destroy(&sx));
}
END_TEST

START_TEST(sx_messages_name_the_place_of_ones_own_hold)
{
    int taken;
    setup(SX_RECURSE);
    taken = __LINE__ + 1;
    sx_xlock(&sx);
    TOLD("recursion", sx_slock(&sx));
    ck_assert_msg(says_place(taken), "not taken at %d: %s", taken, got.message);
    TOLD("destroy-held", sx_destroy(&sx));
    ck_assert_msg(says_place(taken), "not taken at %d: %s", taken, got.message);
    TOLD("not-owner", sx_sunlock(&sx));
    ck_assert_msg(says_place(taken), "not taken at %d: %s", taken, got.message);
    TOLD("assertion", sx_assert(&sx, SA_SLOCKED));
    sx_xunlock(&sx);
    taken = __LINE__ + 1;
    sx_slock(&sx);
    TOLD("recursion", sx_xlock(&sx));
    ck_assert_msg(says_place(taken), "not taken at %d: %s", taken, got.message);
    TOLD("not-owner", sx_xunlock(&sx));
    ck_assert_msg(says_place(taken), "not taken at %d: %s", taken, got.message);
    sx_sunlock(&sx);
    sx_destroy(&sx);
    ck_assert_int_eq(got.count, 0);
}
END_TEST

struct owner {
    sem_t go;
    int id;
    int line;
    int taken; /* atomic */
};

static void own(void *arg)
{
    struct owner *o = arg;
    o->id = ksl_thread_id(ksl_thread_self());
    o->line = __LINE__ + 1;
    sx_xlock(&sx);
    STORE(&o->taken, 1);
    while (sem_wait(&o->go) != 0) {
    }
    sx_xunlock(&sx);
}

static void check_told_of(const struct owner *o)
{
    char id[32];
    snprintf(id, sizeof id, "%d", o->id);
    ck_assert_msg(says(id), "no owner %s: %s", id, got.message);
    ck_assert_msg(says_place(o->line), "not taken at %d: %s", o->line, got.message);
}

START_TEST(sx_messages_name_the_owner_and_its_place)
{
    struct owner o = {.taken = 0};
    struct actor a;
    setup(0);
    ck_assert_int_eq(sem_init(&o.go, 0, 0), 0);
    actor_start(&a, own, &o);
    WAIT_UNTIL(LOAD(&o.taken));
    TOLD("not-owner", sx_xunlock(&sx));
    check_told_of(&o);
    TOLD("not-owner", sx_sunlock(&sx));
    check_told_of(&o);
    TOLD("not-owner", sx_downgrade(&sx));
    check_told_of(&o);
    TOLD("destroy-held", sx_destroy(&sx));
    check_told_of(&o);
    unsigned state = ksl_irq_save();
    TOLD("masked-sleep", sx_slock(&sx));
    ksl_irq_restore(state);
    ck_assert_int_eq(sem_post(&o.go), 0);
    actor_join(&a);
    (void)sem_destroy(&o.go);
    sx_destroy(&sx);
    ck_assert_int_eq(got.count, 0);
}
END_TEST

/* The place is not known where the function is called, the rest is. */
START_TEST(sx_messages_of_the_functions)
{
    setup(0);
    (sx_xunlock)(&sx);
    ck_assert_int_eq(got.count, 1);
    ck_assert_str_eq(got.rule, "not-locked");
    ck_assert_str_eq(got.lock_name, description);
    ck_assert_msg(says(description) && says("culprit"), "%s", got.message);
    sx_destroy(&sx);
}
END_TEST

START_TEST(sx_violations_are_counted)
{
    setup(0);
    unsigned long before = ksl_violation_count();
    for (int i = 0; i < 3; i++)
        sx_xunlock(&sx);
    ck_assert_int_eq(got.count, 3);
    ck_assert_uint_eq(ksl_violation_count() - before, 3);
    sx_destroy(&sx);
}
END_TEST

struct outcome {
    int status;
    char text[4096];
};

static void call(const void *misuse)
{
    ksl_set_violation_handler(NULL, NULL);
    sx_init(&sx, description);
    (*(void (*const *)(void))misuse)();
}

/* Runs misuse() in a child process; keeps its end and what it printed first. */
static void run(void (*misuse)(void), struct outcome *out)
{
    out->status = child_output(call, &misuse, out->text, sizeof out->text);
}

static void not_locked(void)
{
    sx_xunlock(&sx);
}

static void not_locked_share(void)
{
    sx_sunlock(&sx);
}

static void recursion(void)
{
    sx_xlock(&sx);
    sx_xlock(&sx);
}

static void destroyed(void)
{
    sx_destroy(&sx);
    sx_slock(&sx);
}

static void destroy_held(void)
{
    sx_slock(&sx);
    sx_destroy(&sx);
}

static void assertion(void)
{
    sx_slock(&sx);
    sx_assert(&sx, SA_XLOCKED);
}

static void bad_argument(void)
{
    sx_assert(&sx, SA_RECURSED);
}

static const struct {
    const char *rule;
    void (*misuse)(void);
} panics[] = {
    {"not-locked", not_locked},     {"not-locked", not_locked_share},
    {"recursion", recursion},       {"destroyed", destroyed},
    {"destroy-held", destroy_held}, {"assertion", assertion},
    {"bad-argument", bad_argument},
};

START_TEST(sx_without_a_handler_a_panic_is_printed_and_aborts)
{
    struct outcome out;
    char start[64];
    run(panics[_i].misuse, &out);
    snprintf(start, sizeof start, "kslock: panic: %s: ", panics[_i].rule);
    ck_assert_msg(strncmp(out.text, start, strlen(start)) == 0, "printed: %s", out.text);
    if (strcmp(panics[_i].rule, "destroyed") != 0)
        ck_assert_msg(strstr(out.text, description) != NULL, "printed: %s", out.text);
    ck_assert_msg(strstr(out.text, HERE ":") != NULL, "printed: %s", out.text);
    ck_assert_msg(WIFSIGNALED(out.status) && WTERMSIG(out.status) == SIGABRT,
                  "ended with status %#x after: %s", (unsigned)out.status, out.text);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx messages");
    TCase *tc = tcase_create("message");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_messages_name_lock_thread_and_place);
    tcase_add_test(tc, sx_messages_name_the_place_of_ones_own_hold);
    tcase_add_test(tc, sx_messages_name_the_owner_and_its_place);
    tcase_add_test(tc, sx_messages_of_the_functions);
    tcase_add_test(tc, sx_violations_are_counted);
    tcase_add_loop_test(tc, sx_without_a_handler_a_panic_is_printed_and_aborts, 0,
                        sizeof panics / sizeof panics[0]);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
