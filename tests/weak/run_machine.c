/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run_machine [option...] [scenario...]: the scenarios, all unless some are named, on the
 * machine with weak memory. Exit status 0: nothing wrong; 1: something, said in one line;
 * 2: the options are wrong.
 *
 *   -n NUMBER     executions with random choices for each scenario (20000)
 *   -a            all executions within the budgets instead, at most NUMBER, after 500
 *                 with random choices
 *   -b P,S,U      budgets of an execution: switches of threads that could go on, loads
 *                 that do not read the last store, sleeps that end by their date or for
 *                 no reason (2,1,1; random: 12,6,2)
 *   -s SEED       of the random choices (1)
 *   -f NAME       plants that fault of src/platform/faults.def, or one of the machine:
 *                 BARRIER_NOTHING, the barrier of the process does nothing;
 *                 BARRIER_CALLER_ONLY, nobody but its caller has a fence;
 *                 SEQUENCES_END, a thread's later store ends its release sequence (C++20)
 *   -w SITE,ORDER the access at this address (see -l) gets the order ORDER (0 .. 5)
 *   -l            lists the accesses that took place: address, operation, order
 */

#include "machine_threads.h"
#include "weak.h"

#include "platform/testing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The execution that runs, or has ended and is being checked. */
static const struct weak_scenario *scenario;
static unsigned long execution;
static bool ended;

void weak_fail(const char *what)
{
    machine_runs = false;
    if (ended) {
        printf("%s: execution %lu: in the end: %s\n", scenario->name, execution, what);
        exit(1);
    }
    machine_failed(what);
}

void weak_yield(void)
{
    machine_runs = false;
    machine_yield();
    machine_runs = true;
}

void weak_step(void)
{
    machine_step();
}

bool weak_barrier(void)
{
    machine_barrier();
    return true;
}

static bool plant(const char *name)
{
    if (strcmp(name, "BARRIER_NOTHING") == 0) {
        machine_plan.barrier = MACHINE_NO_BARRIER;
        return true;
    }
    if (strcmp(name, "BARRIER_CALLER_ONLY") == 0) {
        machine_plan.barrier = MACHINE_CALLERS_BARRIER;
        return true;
    }
    if (strcmp(name, "SEQUENCES_END") == 0) {
        machine_plan.sequences_end = true;
        return true;
    }
    for (int i = 0; i < KSI_FAULT_COUNT; i++) {
        if (strcmp(ksi_fault_name(i), name) == 0) {
            ksi_fault_planted = i;
            return true;
        }
    }
    return false;
}

/* What goes wrong may be an address, too. */
static void crashed(int signo)
{
    (void)signo;
    dprintf(STDOUT_FILENO, "%s: execution %lu: a wrong address\n", scenario->name,
            execution);
    _exit(1);
}

static void watch_crashes(void)
{
    static char stack[32768];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    sigaltstack(&other, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0); /* before that line come all others */
}

static bool execute(void)
{
    execution++;
    weak_reset(weak_threads_of(scenario));
    scenario->setup();
    const char *wrong = machine_execute(WEAK_THREADS, scenario->thread);
    if (wrong != NULL) {
        printf("%s: execution %lu: %s\n", scenario->name, execution, wrong);
        return false;
    }
    ended = true;
    scenario->finish();
    ended = false;
    return true;
}

static void set_budgets(unsigned switches, unsigned stale, unsigned surprises)
{
    machine_plan.switches = switches;
    machine_plan.stale = stale;
    machine_plan.surprises = surprises;
}

/* Before a search through all: some at random, which show what threads share. */
static bool look_around(void)
{
    enum { SOME = 500 };
    struct machine_plan plan = machine_plan;
    bool good = true;
    machine_plan.random = true;
    set_budgets(12, 6, 2);
    for (unsigned i = 0; good && i < SOME; i++)
        good = execute();
    machine_plan = plan;
    return good;
}

static bool search(const struct weak_scenario *s, unsigned long limit)
{
    bool more = true;
    machine_restart();
    scenario = s;
    execution = 0;
    if (!machine_plan.random && !look_around())
        return false;
    while (more && execution < limit) {
        if (!execute())
            return false;
        more = machine_next();
    }
    printf("%s: %lu executions%s\n", s->name, execution,
           more ? "" : ", all within the budgets");
    return true;
}

int main(int argc, char **argv)
{
    unsigned long limit = 20000;
    bool list = false;
    bool budgets = false;
    machine_plan = (struct machine_plan){.random = true, .seed = 1};
    for (int c; (c = getopt(argc, argv, "n:ab:s:f:w:l")) != -1;) {
        switch (c) {
        case 'n':
            limit = strtoul(optarg, NULL, 10);
            break;
        case 'a':
            machine_plan.random = false;
            break;
        case 'b':
            budgets = true;
            if (sscanf(optarg, "%u,%u,%u", &machine_plan.switches, &machine_plan.stale,
                       &machine_plan.surprises) != 3)
                return 2;
            break;
        case 's':
            machine_plan.seed = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            if (!plant(optarg))
                return 2;
            break;
        case 'w': {
            char *end;
            machine_plan.weakened = strtoul(optarg, &end, 0);
            machine_plan.weakened_to = *end == ',' ? atoi(end + 1) : 0;
            break;
        }
        case 'l':
            list = true;
            break;
        default:
            return 2;
        }
    }
    if (!budgets && machine_plan.random)
        set_budgets(12, 6, 2);
    else if (!budgets)
        set_budgets(2, 1, 1);
    watch_crashes();
    bool good = true;
    for (unsigned i = 0; good && i < weak_scenario_count; i++) {
        bool named = optind == argc;
        for (int a = optind; a < argc; a++)
            named = named || strcmp(argv[a], weak_scenarios[i].name) == 0;
        if (named)
            good = search(&weak_scenarios[i], limit);
    }
    if (list)
        machine_list_sites();
    return good ? 0 : 1;
}
