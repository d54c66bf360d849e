/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bugs_test                       all tests but those that not every host can run
 * bugs_test --only PREFIX         the tests whose names begin so, these too; 77 if one of
 *                                 them cannot run here, with what is missing
 * bugs_test --plant FAULT         plants the fault; 0 if each of the tests named in
 *                                 mutants.def finds it, and says when
 * bugs_test --list                tests, and the faults that they find
 * --shared FILE                   the shared library
 */

#include "bugs.h"
#include "sanitized.h"

#include "wait/lot.h"

#include <stdio.h>
#include <string.h>

enum { TESTS = 200, PLANTED_S = 2, TEST_S = 90 };

static struct {
    const char *name;
    const TTest *test;
    const char *(*lacks)(void);
} tests[TESTS];
static unsigned count;
static unsigned skipped;

const char *bug_shared_library;

static const struct {
    const char *test;
    const char *fault;
} mutants[] = {
#define MUTANT(test, fault) {#test, #fault},
#include "mutants.def"
#undef MUTANT
};

void bug_add(const char *name, const TTest *test, const char *(*lacks)(void))
{
    if (count == TESTS) {
        fprintf(stderr, "bugs_test: no room for %s\n", name);
        abort();
    }
    tests[count].name = name;
    tests[count].lacks = lacks;
    tests[count++].test = test;
}

bool bug_is_planted(void)
{
    return ksi_fault_planted != 0;
}

static void add_all(void)
{
    add_f01_to_f03();
    add_stanix_scenes();
    add_f04_and_f16();
    add_f05_to_f09();
    add_f06();
    add_f10_to_f13();
    add_f14();
    add_f15();
    add_f17();
    add_f18();
    add_f19();
    add_f20();
    add_f21();
    add_f22_and_f23();
    add_paths_of_rw();
    add_paths_of_spinning();
    add_paths_of_freebsd();
    add_paths_of_handlers();
    add_paths_of_evl();
    add_paths_of_aix();
    add_paths_of_releases();
    add_paths_of_signals();
    add_paths_of_events();
    add_paths_of_irq();
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool finds(const char *test, const char *fault)
{
    for (unsigned i = 0; i < sizeof mutants / sizeof *mutants; i++) {
        if (strcmp(mutants[i].test, test) == 0 && strcmp(mutants[i].fault, fault) == 0)
            return true;
    }
    return false;
}

static void list(void)
{
    for (unsigned i = 0; i < count; i++) {
        printf("%s", tests[i].name);
        for (unsigned j = 0; j < sizeof mutants / sizeof *mutants; j++) {
            if (strcmp(mutants[j].test, tests[i].name) == 0)
                printf(" %s", mutants[j].fault);
        }
        printf("\n");
    }
}

/*
 * They sleep at once, so that a scene does not depend on how long they spin. And the
 * process of a test, a child of Check, goes by all marks in lock words, as any other
 * process does that has locks of its own only.
 */
static void before_each(void)
{
    ksi_lot_forked = false;
    STORE(&ksi_spin_cap, 0);
}

/* True, and said, if the host lacks what test i needs. */
static bool is_skipped(unsigned i)
{
    const char *what = tests[i].lacks != NULL ? tests[i].lacks() : NULL;
    if (what == NULL)
        return false;
    printf("bugs_test: skipped %s: %s\n", tests[i].name, what);
    skipped++;
    return true;
}

static void add_test(Suite *s, unsigned i)
{
    TCase *c = tcase_create(tests[i].name);
    tcase_add_checked_fixture(c, before_each, NULL);
    if (bug_is_planted() && !RACE_DETECTOR)
        tcase_set_timeout(c, PLANTED_S);
    else if (getenv("CK_DEFAULT_TIMEOUT") == NULL) /* which fits this build */
        tcase_set_timeout(c, TEST_S);
    tcase_add_test(c, tests[i].test);
    suite_add_tcase(s, c);
}

static SRunner *runner_of(const char *only)
{
    Suite *s = suite_create("bugs");
    SRunner *runner = srunner_create(s);
    for (unsigned i = 0; i < count; i++) {
        if ((only != NULL && !begins(tests[i].name, only)) ||
            (only == NULL && tests[i].lacks != NULL) || is_skipped(i))
            continue;
        add_test(s, i);
    }
    return runner;
}

static int fault_by_name(const char *name)
{
    for (int i = KSI_FAULT_NONE + 1; i < KSI_FAULT_COUNT; i++) {
        if (strcmp(ksi_fault_name(i), name) == 0)
            return i;
    }
    return KSI_FAULT_NONE;
}

/* True if that test alone finds it; says so. */
static bool is_found(const char *fault, unsigned i)
{
    Suite *s = suite_create("bugs");
    SRunner *runner = srunner_create(s);
    add_test(s, i);
    uint64_t begin = support_now_ns();
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_SILENT);
    double seconds = (double)(support_now_ns() - begin) / 1e9;
    bool found = srunner_ntests_failed(runner) > 0;
    if (!found) {
        printf("busted %s: SURVIVED %.1f s (test=%s)\n", fault, seconds, tests[i].name);
    } else {
        TestResult **results = srunner_failures(runner);
        const char *what = tr_msg(results[0]);
        printf("busted %s: killed after %.1f s (test=%s: %s)\n", fault, seconds,
               tests[i].name, strstr(what, "timeout") != NULL ? "hang" : what);
        free(results);
    }
    srunner_free(runner);
    return found;
}

/* A line of mutants.def whose test is not there has no test that finds it. */
static bool are_there(const char *fault)
{
    for (unsigned i = 0; i < sizeof mutants / sizeof *mutants; i++) {
        unsigned at = 0;
        if (strcmp(mutants[i].fault, fault) != 0)
            continue;
        while (at < count && strcmp(tests[at].name, mutants[i].test) != 0)
            at++;
        if (at < count)
            continue;
        fprintf(stderr, "bugs_test: no test is called %s\n", mutants[i].test);
        return false;
    }
    return true;
}

static int plant(const char *fault)
{
    /* Weak orderings are for a race detector, and for nothing else. */
    bool order = finds("f14_what_a_lock_guards_is_in_order", fault);
    if (order != RACE_DETECTOR) {
        printf("busted: skipped, %s\n",
               order ? "only a race detector can see it here"
                     : "the race detector stops a fault in its own way");
        return 77;
    }
    ksi_fault_planted = fault_by_name(fault);
    if (ksi_fault_planted == KSI_FAULT_NONE) {
        fprintf(stderr, "bugs_test: no fault is called %s\n", fault);
        return 2;
    }
    if (!are_there(fault))
        return 2;
    unsigned tried = 0, found = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!finds(tests[i].name, fault) || is_skipped(i))
            continue;
        tried++;
        found += is_found(fault, i);
    }
    if (skipped > 0 && found == tried)
        return 77;
    return tried > 0 && found == tried ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *only = NULL, *fault = NULL;
    bool lists = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            lists = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--only") == 0) {
            only = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--plant") == 0) {
            fault = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--shared") == 0) {
            bug_shared_library = argv[++i];
        } else {
            fprintf(stderr, "usage: bugs_test [--only PREFIX | --plant FAULT | --list] "
                            "[--shared FILE]\n");
            return 2;
        }
    }
    add_all();
    if (lists) {
        list();
        return 0;
    }
    if (fault != NULL)
        return plant(fault);
    SRunner *runner = runner_of(only);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    bool none = srunner_ntests_run(runner) == 0;
    srunner_free(runner);
    if (failed > 0 || (none && skipped == 0))
        return EXIT_FAILURE;
    return skipped > 0 ? 77 : EXIT_SUCCESS;
}
