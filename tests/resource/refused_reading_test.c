/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host that refuses what a process may know of itself: to read memory that may be gone,
 * as reports and a child of fork do (process_vm_readv), and on how many processors it may
 * run (sched_getaffinity). The first is refused for the whole program, the second for one
 * that it executes: sanitizers need it to start a thread.
 *
 * resource_refused_reading_test           refused
 *
 * resource_refused_reading_test missing   as if the host had no such call
 *
 * resource_refused_reading_test under PROGRAM WORD...   that program under the filter
 *
 * 77: the host has no filters, or AddressSanitizer sees that a text is copied by pages.
 */
#define _GNU_SOURCE 1

#include "../native/freebsd_sx_puppet.h"
#include "child.h"
#include "readback.h"
#include "refuse.h"
#include "sanitized.h"

#include "diag/slots.h"
#include "lock/rw.h"
#include "platform/host.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { PAGE = 4096, OPENS = 20 };

static struct sx cream;

static void *fresh_page(void)
{
    void *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
}

static void forbid(void *page, bool forbidden)
{
    ck_assert_int_eq(mprotect(page, PAGE, forbidden ? PROT_NONE : PROT_READ | PROT_WRITE),
                     0);
}

/* ---- the calls themselves ---- */

static int error; /* of what is refused */

static bool is_refused(void)
{
    char from = 0, to;
    struct iovec local = {&to, 1}, remote = {&from, 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 && errno == error;
}

/* ---- violations ---- */

START_TEST(violation_names_the_lock_if_it_can_be_read)
{
    char *name = fresh_page();
    strcpy(name, "cream in a page");
    recorder_start();
    sx_init(&cream, name);
    sx_xunlock(&cream);
    ASSERT_VIOLATED("not-locked");
    ck_assert_ptr_nonnull(strstr(recorder_last().message, name));
    forbid(name, true);
    recorder_start();
    sx_xunlock(&cream);
    ASSERT_VIOLATED("not-locked");
    ck_assert_ptr_null(strstr(recorder_last().message, "cream in a page"));
    recorder_stop();
    munmap(name, PAGE);
}
END_TEST

/* ---- dumps ---- */

START_TEST(dump_tells_of_locks_if_they_can_be_read)
{
    static struct report_file file;
    struct puppet alice, bob;
    struct sx *gone = fresh_page();
    sx_init(&cream, "cream");
    sx_init(gone, "gone");
    puppet_start(&alice);
    puppet_start(&bob);
    (void)ask(&alice, xlock, &cream);
    (void)ask(&alice, xlock, gone);
    tell_blocked(&bob, xlock, &cream);
    forbid(gone, true);
    report_file_dump(&file);
    forbid(gone, false);
    const char *text = report_file_lines(&file, alice.actor.thread);
    HAS(text, "  holds sx %p (cream), taken at ", (void *)&cream);
    HAS(text, "  holds sx %p, taken at ", (void *)gone);
    text = report_file_lines(&file, bob.actor.thread);
    HAS(text, "  waits for sx %p (cream), to have it alone\n", (void *)&cream);
    HAS(text, "its word: owned by thread %d", ksl_thread_id(alice.actor.thread));
    (void)ask(&alice, unlock, gone);
    (void)ask(&alice, unlock, &cream);
    (void)answer(&bob);
    (void)ask(&bob, unlock, &cream);
    puppet_end(&alice);
    puppet_end(&bob);
    munmap(gone, PAGE);
}
END_TEST

/* ---- a child of fork ---- */

static struct {
    struct ksl_slot *shown, *lost;
    const void *gone;
    int stays, may_go; /* atomic */
} stopped;

static ksi_word *word_of(struct sx *sx)
{
    return (ksi_word *)(uintptr_t)&sx->sx_lock;
}

/*
 * A reader between its store to the slot and its look at the word, which says that
 * somebody has the lock alone; another slot names a lock whose memory is gone.
 */
static void stop_between(void *arg)
{
    ksl_thread *t = ksl_thread_self();
    uintptr_t tags = (uintptr_t)arg;
    stopped.shown = ksi_near_slot(t, word_of(&cream));
    for (int i = 0; i < KSL_SLOTS; i++) {
        if (&t->front.slots[i] != stopped.shown)
            stopped.lost = &t->front.slots[i];
    }
    STORE(&stopped.shown->lock, (uintptr_t)word_of(&cream) | tags);
    STORE(&stopped.lost->lock, (uintptr_t)stopped.gone | tags);
    STORE(&stopped.stays, 1);
    WORKER_WAIT(LOAD(&stopped.may_go));
    STORE(&stopped.shown->lock, (uintptr_t)0);
    STORE(&stopped.lost->lock, (uintptr_t)0);
}

/* What was not granted is not there. Of memory that is gone nobody knows. */
static void child_finds_the_share_withdrawn(void)
{
    CHILD_CHECK(LOAD(&stopped.shown->lock) == 0);
    CHILD_CHECK(LOAD(&stopped.lost->lock) != 0);
    sx_xunlock(&cream);
    for (int i = 0; i < OPENS; i++) {
        sx_slock(&cream);
        sx_sunlock(&cream);
    }
    CHILD_CHECK(sx_try_xlock(&cream));
    sx_xunlock(&cream);
}

START_TEST(child_of_fork_withdraws_a_share_that_was_not_granted)
{
    struct actor reader;
    void *page = fresh_page();
    sx_init(&cream, "cream");
    for (int i = 0; i < OPENS; i++) {
        sx_slock(&cream);
        sx_sunlock(&cream);
    }
    sx_slock(&cream);
    uintptr_t tags =
        LOAD(&ksi_near_slot(ksl_thread_self(), word_of(&cream))->lock) & KSI_TAGS;
    ck_assert_uint_eq(ksi_entry_of(tags), KSI_IN_SLOT);
    sx_sunlock(&cream);
    sx_xlock(&cream);
    stopped.gone = page;
    forbid(page, true);
    actor_start(&reader, stop_between, (void *)tags); // NOLINT: passed as a number
    WAIT_UNTIL(LOAD(&stopped.stays));
    in_child(child_finds_the_share_withdrawn);
    STORE(&stopped.may_go, 1);
    actor_join(&reader);
    sx_xunlock(&cream);
    munmap(page, PAGE);
}
END_TEST

/* ---- processors ---- */

/* In a program that begins like this: there is more than one, or there is not. */
static int count_processors(void)
{
    cpu_set_t set;
    unsigned expected = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return 2;
    return ksi_cpu_count() == expected ? 0 : 1;
}

START_TEST(processors_are_those_of_the_machine)
{
    int status = -1;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        const int calls[] = {SYS_sched_getaffinity};
        if (!refuse_calls(calls, 1, error))
            _exit(98);
        support_exec((const char *const[]){"refused_reading_test", "count", NULL});
        _exit(99);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(int argc, char **argv)
{
    const int calls[] = {SYS_process_vm_readv};
    if (argc == 2 && strcmp(argv[1], "count") == 0)
        return count_processors();
    if (SANITIZED && !RACE_DETECTOR) {
        printf("refused_reading_test: skipped, a sanitizer watches the copies\n");
        return 77;
    }
    error = argc == 2 && strcmp(argv[1], "missing") == 0 ? ENOSYS : EPERM;
    if (!refuse_calls(calls, 1, error)) {
        printf("refused_reading_test: skipped, no filters of system calls\n");
        return 77;
    }
    if (!is_refused()) {
        fprintf(stderr, "refused_reading_test: the call is not refused\n");
        return 2;
    }
    if (argc > 2 && strcmp(argv[1], "under") == 0) {
        execv(argv[2], argv + 2);
        return 2;
    }
    Suite *s = suite_create("refused_reading");
    TCase *tc = tcase_create("refused_reading");
    tcase_add_test(tc, violation_names_the_lock_if_it_can_be_read);
    tcase_add_test(tc, dump_tells_of_locks_if_they_can_be_read);
    tcase_add_test(tc, child_of_fork_withdraws_a_share_that_was_not_granted);
    if (!SANITIZED)
        tcase_add_test(tc, processors_are_those_of_the_machine);
    suite_add_tcase(s, tc);
    return support_run(s);
}
