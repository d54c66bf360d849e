/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture.h"

#include "platform/park.h"
#include "platform/testing.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: torture [OPTION...]             rounds of every row, or of one\n"
    "       torture --busted FAULT|all ...  plants a fault, or one after the other\n"
    "       torture --list                  rows, and faults that rows find\n"
    "\n"
    "  --lock NAME|all   the row (default: all; --list names them)\n"
    "  --seconds N       all rows together, with a fraction (default 10)\n"
    "  --rounds N        rounds of each row, in place of --seconds\n"
    "  --seed N          of all random numbers (default: from the clock; printed)\n"
    "  --threads N       workers, 3 to 16 (default 4)\n"
    "  --no-inject       no interrupts, signals, delays or other disturbances\n"
    "  --strangers       somebody wakes all sleepers all the time, without a reason\n"
    "  --hang SECONDS    a round that lasts longer has failed (default 10, more with\n"
    "                    sanitizers)\n"
    "  --linger SECONDS  between the last row and the end, as reports of KSLOCK= may\n"
    "                    take (default 0)\n"
    "\n"
    "A line for each row and a table of all at the end: operations of all workers (of\n"
    "the least and the most busy one), interrupts handled, the longest wait. Exit\n"
    "status: 0; 1 for a failure, which is printed with its seed, or for a fault that\n"
    "was not found; 2 for a wrong command line; 77 if faults cannot be tried here.\n";

static int usage(void)
{
    fputs(usage_text, stderr);
    return 2;
}

static void list(void)
{
    for (unsigned i = 0; i < torture_row_count; i++)
        printf("%-18s %s\n", torture_rows[i].name, torture_rows[i].what);
    printf("\nfaults:\n");
    for (int i = KSI_FAULT_NONE + 1; i < KSI_FAULT_COUNT; i++) {
        if (torture_has_row(i))
            printf("%s\n", ksi_fault_name(i));
    }
}

/* False if a value is not a number or an option is unknown. */
static bool parse_one(int c, struct options *o)
{
    char *end = NULL;
    switch (c) {
    case 'l':
        o->lock = strcmp(optarg, "all") != 0 ? optarg : NULL;
        return true;
    case 'b':
        o->busted = optarg;
        return true;
    case 'p':
        o->plant = optarg;
        return true;
    case 'n':
        o->inject = false;
        return true;
    case 'S':
        o->strangers = true;
        return true;
    case 'L':
        o->list = true;
        return true;
    case 's':
        o->seconds = strtod(optarg, &end);
        return *end == '\0' && o->seconds > 0;
    case 'h':
        o->hang = strtod(optarg, &end);
        return *end == '\0' && o->hang > 0;
    case 'w':
        o->linger = strtod(optarg, &end);
        return *end == '\0' && o->linger >= 0;
    case 'r':
        o->rounds = strtoul(optarg, &end, 0);
        return *end == '\0' && o->rounds > 0;
    case 'e':
        o->seed = strtoull(optarg, &end, 0);
        return *end == '\0';
    case 't':
        o->threads = (unsigned)strtoul(optarg, &end, 0);
        return *end == '\0' && o->threads >= TORTURE_MIN && o->threads <= TORTURE_MAX;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {
        {"lock", required_argument, NULL, 'l'},
        {"seconds", required_argument, NULL, 's'},
        {"rounds", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 'e'},
        {"threads", required_argument, NULL, 't'},
        {"busted", required_argument, NULL, 'b'},
        {"plant", required_argument, NULL, 'p'},
        {"hang", required_argument, NULL, 'h'},
        {"linger", required_argument, NULL, 'w'},
        {"no-inject", no_argument, NULL, 'n'},
        {"strangers", no_argument, NULL, 'S'},
        {"list", no_argument, NULL, 'L'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (!parse_one(c, o))
            return false;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct options o = {
        .seconds = 10,
        .threads = 4,
        .inject = true,
        .hang = TORTURE_SLOW ? 20 : 10,
        .seed = ksi_host_now() ^ (uint64_t)getpid() << 40,
    };
    if (!parse(argc, argv, &o))
        return usage();
    if (o.list) {
        list();
        return 0;
    }
    if (o.busted != NULL)
        return torture_busted(&o, "/proc/self/exe");
    if (o.plant != NULL && !torture_plant(o.plant, &o))
        return usage();
    printf("torture: seed %llu, %u threads%s\n", (unsigned long long)o.seed, o.threads,
           o.inject ? "" : ", nothing injected");
    fflush(stdout);
    int result = torture_run(&o);
    for (double left = result == 0 ? o.linger : 0; left > 0; left -= 0.01)
        torture_nap(10000);
    return result == 2 ? usage() : result;
}
