/* SPDX-License-Identifier: BSD-2-Clause */

#define _GNU_SOURCE 1

/* ksl_diag_dump: who waits for whom, from any context. */

#include "../native/freebsd_sx_puppet.h"
#include "named.h"
#include "readback.h"

#include "diag/print.h"
#include "wait/lot.h"

#include <kslock/diag.h>
#include <kslock/irq.h>
#include <kslock/stage.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

static struct report_file file;

static const char *dump(void)
{
    return report_file_dump(&file);
}

static const char *lines_of(const ksl_thread *t)
{
    return report_file_lines(&file, t);
}

static int line_of_xlock;
static int line_of_slock;

static int xlock_here(void *object)
{
    struct sx *sx = object;
    line_of_xlock = __LINE__ + 1;
    sx_xlock(sx);
    return 0;
}

static int slock_here(void *object)
{
    struct sx *sx = object;
    line_of_slock = __LINE__ + 1;
    sx_slock(sx);
    return 0;
}

static struct sx cream;
static struct sx sugar;

static void start(void)
{
    sx_init(&cream, "cream");
    sx_init(&sugar, "sugar");
    start_named();
}

static void end(void)
{
    end_named();
    sx_destroy(&cream);
    sx_destroy(&sugar);
}

START_TEST(part2_waiter_and_owner_are_named)
{
    int tid;
    start();
    tid = ksl_thread_id(alice.actor.thread);
    ask(&alice, xlock_here, &cream);
    tell_blocked(&bob, slock_here, &cream);
    tell_blocked(&carol, xlock_here, &cream);
    dump();
    HAS(lines_of(alice.actor.thread), "thread %d (alice): in-band, interrupt level 0",
        tid);
    HAS(lines_of(alice.actor.thread), "  holds sx %p (cream), taken at dump_test.c:%d\n",
        (void *)&cream, line_of_xlock);
    HAS(lines_of(bob.actor.thread), "  waits for sx %p (cream), to share it\n",
        (void *)&cream);
    HAS(lines_of(bob.actor.thread), "its word: owned by thread %d (alice)", tid);
    HAS(lines_of(bob.actor.thread),
        "    held by thread %d (alice) since dump_test.c:%d\n", tid, line_of_xlock);
    HAS(lines_of(carol.actor.thread), "  waits for sx %p (cream), to have it alone\n",
        (void *)&cream);
    ck_assert_ptr_null(strstr(file.text, "deadlock"));
    ck_assert_ptr_null(strstr(file.text, "could not be read"));
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&carol));
    ask(&carol, xunlock, &cream);
    WAIT_UNTIL(done(&bob));
    ask(&bob, sunlock, &cream);
    dump();
    ck_assert_ptr_null(strstr(file.text, "waits for"));
    ck_assert_ptr_null(strstr(file.text, "holds"));
    end();
}
END_TEST

static void exit_with_cream(void *arg)
{
    char *name = arg;
    sx_xlock(&cream);
    sprintf(name, "thread %d, which has exited:\n", ksl_thread_id(ksl_thread_self()));
}

START_TEST(part2_what_an_exited_thread_holds)
{
    struct actor a;
    char name[64];
    start();
    recorder_start();
    actor_start(&a, exit_with_cream, name);
    actor_join(&a);
    ck_assert_uint_eq(recorder_count("exit-held"), 1);
    dump();
    HAS(strstr(file.text, name), "  holds sx %p (cream), taken at dump_test.c:",
        (void *)&cream);
    memset(&cream, 0, sizeof cream);
    sx_init(&cream, "cream");
    end();
}
END_TEST

START_TEST(part2_all_sharers_are_named)
{
    start();
    ask(&alice, slock_here, &cream);
    ask(&bob, slock_here, &cream);
    tell_blocked(&carol, xlock_here, &cream);
    dump();
    HAS(lines_of(alice.actor.thread),
        "  holds sx %p (cream) shared, taken at dump_test.c:%d", (void *)&cream,
        line_of_slock);
    HAS(lines_of(carol.actor.thread),
        "held shared by thread %d (alice) since dump_test.c:",
        ksl_thread_id(alice.actor.thread));
    HAS(lines_of(carol.actor.thread), "held shared by thread %d (bob) since dump_test.c:",
        ksl_thread_id(bob.actor.thread));
    HAS(lines_of(carol.actor.thread), "a writer waits");
    ask(&alice, sunlock, &cream);
    ask(&bob, sunlock, &cream);
    WAIT_UNTIL(done(&carol));
    ask(&carol, xunlock, &cream);
    end();
}
END_TEST

/* Three in a circle, one of them through a share; broken by a signal. */
START_TEST(part2_circles_are_named)
{
    static struct sx milk;
    start();
    sx_init(&milk, "milk");
    ask(&alice, xlock_here, &cream);
    ask(&bob, slock_here, &sugar);
    ask(&carol, xlock_here, &milk);
    tell_blocked(&alice, xlock_sig, &sugar);
    tell_blocked(&bob, xlock, &milk);
    dump();
    ck_assert_ptr_null(strstr(file.text, "deadlock"));
    tell_blocked(&carol, slock, &cream);
    dump();
    const char *at = strstr(file.text, "kslock: deadlock of 3 threads: ");
    ck_assert_ptr_nonnull(at);
    ck_assert_ptr_null(strstr(at + 1, "kslock: deadlock"));
    HAS(at, "waits for sx %p (sugar), held by thread %d (bob) since dump_test.c:%d",
        (void *)&sugar, ksl_thread_id(bob.actor.thread), line_of_slock);
    HAS(at, "waits for sx %p (milk), held by thread %d (carol) since dump_test.c:%d",
        (void *)&milk, ksl_thread_id(carol.actor.thread), line_of_xlock);
    HAS(at, "waits for sx %p (cream), held by thread %d (alice)", (void *)&cream,
        ksl_thread_id(alice.actor.thread));
    ck_assert_int_eq(ksl_thread_unblock(alice.actor.thread), 1);
    WAIT_UNTIL(done(&alice));
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&carol));
    ask(&carol, sunlock, &cream);
    ask(&carol, xunlock, &milk);
    WAIT_UNTIL(done(&bob));
    ask(&bob, xunlock, &milk);
    ask(&bob, sunlock, &sugar);
    sx_destroy(&milk);
    end();
}
END_TEST

/* --- from anywhere --- */

static int handler_fd = -1;

static void dump_on_signal(int signo)
{
    (void)signo;
    ksl_diag_dump(handler_fd);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = dump_on_signal};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    report_file_new(&file);
    handler_fd = open(file.path, O_WRONLY | O_APPEND);
    ck_assert_int_ge(handler_fd, 0);
}

static void end_signals(void)
{
    report_file_read(&file);
    report_file_end(&file);
    close(handler_fd);
}

START_TEST(part2_in_a_signal_handler_with_a_bucket_locked)
{
    struct ksi_lot lot;
    start();
    ask(&alice, xlock_here, &cream);
    tell_blocked(&bob, xlock_here, &cream);
    const void *key = LOAD(&bob.actor.thread->waiters[KSI_WAITER_LOCK].address);
    catch_signals();
    ksi_lot_lock(&lot, key);
    errno = 77;
    raise(SIGUSR1); /* must come back */
    int kept = errno;
    ksi_lot_unlock(&lot, NULL);
    end_signals();
    ck_assert_int_eq(kept, 77);
    HAS(lines_of(bob.actor.thread),
        "  waits for sx %p (cream), to have it alone; its queue "
        "was being changed and could not be read\n",
        (void *)&cream);
    HAS(lines_of(bob.actor.thread), "held by thread %d (alice) since dump_test.c:%d",
        ksl_thread_id(alice.actor.thread), line_of_xlock);
    HAS(file.text, "kslock: end of the threads\n");
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&bob));
    ask(&bob, xunlock, &cream);
    end();
}
END_TEST

static void *raise_here(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
    return NULL;
}

START_TEST(part2_a_closed_file)
{
    (void)ksl_thread_self();
    errno = 77;
    ksl_diag_dump(-1);
    ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(part2_on_a_thread_that_is_not_registered)
{
    pthread_t thread;
    ksl_thread *self = ksl_thread_self();
    catch_signals();
    ck_assert_int_eq(pthread_create(&thread, NULL, raise_here, NULL), 0);
    pthread_join(thread, NULL);
    end_signals();
    HAS(file.text, "\nthread %d: in-band", ksl_thread_id(self));
    unsigned threads = 0;
    for (const char *p = file.text; (p = strstr(p, "\nthread ")) != NULL; p++)
        threads++;
    ck_assert_uint_eq(threads, 1);
}
END_TEST

static void dump_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ksl_diag_dump(handler_fd);
}

START_TEST(part2_in_an_interrupt_handler)
{
    catch_signals();
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    ck_assert_int_eq(ksl_thread_set_priority(ksl_thread_self(), 7), 0);
    ck_assert_int_eq(ksl_irq_request(3, KSL_STAGE_OOB, 5, dump_in_handler, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 3), 0);
    end_signals();
    HAS(lines_of(ksl_thread_self()),
        ": out-of-band, interrupt level 5, in 1 handler, priority 7\n");
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
}
END_TEST

/* The memory of a lock that is still on record may be gone. */
START_TEST(part2_memory_that_is_gone)
{
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    struct sx *gone = page;
    start();
    sx_init(gone, "gone");
    ask(&alice, xlock_here, gone);
    ck_assert_int_eq(mprotect(page, 4096, PROT_NONE), 0);
    dump();
    HAS(lines_of(alice.actor.thread), "  holds sx %p, taken at dump_test.c:%d\n", page,
        line_of_xlock);
    ck_assert_int_eq(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
    ask(&alice, xunlock, gone);
    munmap(page, 4096);
    end();
}
END_TEST

START_TEST(part2_many_locks)
{
    enum { LOCKS = 100 };
    static struct sx many[LOCKS];
    start();
    for (unsigned i = 0; i < LOCKS; i++) {
        sx_init(&many[i], "many");
        ask(&alice, xlock, &many[i]);
    }
    dump();
    for (unsigned i = 0; i < LOCKS; i++) {
        HAS(file.text,
            "  holds sx %p (many), taken at freebsd_sx_puppet.h:", (void *)&many[i]);
        ask(&alice, xunlock, &many[i]);
        sx_destroy(&many[i]);
    }
    end();
}
END_TEST

/* --- symbols without the loader --- */

START_TEST(part2_symbols)
{
    struct ksi_symbol s;
    Dl_info info;
    const char *code = dlsym(RTLD_NEXT, "qsort");
    ck_assert_ptr_nonnull(code);
    ck_assert_int_ne(dladdr(code + 3, &info), 0);
    ck_assert(ksi_symbol_find(&s, code + 3));
    ck_assert_uint_eq(s.offset, (size_t)(code + 3 - (const char *)info.dli_saddr));
    ck_assert_ptr_eq(dlsym(RTLD_DEFAULT, s.name), dlsym(RTLD_DEFAULT, info.dli_sname));
    ck_assert(ksi_symbol_find(&s, stdin));
    ck_assert_str_eq(s.name, "_IO_2_1_stdin_");
    ck_assert_uint_eq(s.offset, 0);
    ck_assert_ptr_nonnull(strstr(s.file, "libc"));
}
END_TEST

START_TEST(part2_no_symbols)
{
    struct ksi_symbol s;
    char *heap = malloc(100);
    ck_assert(!ksi_symbol_find(&s, NULL));
    ck_assert(!ksi_symbol_find(&s, &s));
    ck_assert(!ksi_symbol_find(&s, heap));
    ck_assert(!ksi_symbol_find(&s, (const void *)(uintptr_t)4096)); // NOLINT
    free(heap);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/dump");
    TCase *c = tcase_create("dump");
    tcase_add_test(c, part2_waiter_and_owner_are_named);
    tcase_add_test(c, part2_what_an_exited_thread_holds);
    tcase_add_test(c, part2_all_sharers_are_named);
    tcase_add_test(c, part2_circles_are_named);
    tcase_add_test(c, part2_in_a_signal_handler_with_a_bucket_locked);
    tcase_add_test(c, part2_a_closed_file);
    tcase_add_test(c, part2_on_a_thread_that_is_not_registered);
    tcase_add_test(c, part2_in_an_interrupt_handler);
    tcase_add_test(c, part2_memory_that_is_gone);
    tcase_add_test(c, part2_many_locks);
    tcase_add_test(c, part2_symbols);
    tcase_add_test(c, part2_no_symbols);
    suite_add_tcase(s, c);
    return support_run(s);
}
