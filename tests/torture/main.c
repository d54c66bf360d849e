/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture.h"

#include "platform/host.h"
#include "platform/park.h"
#include "platform/testing.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: torture [OPTION...]                 rounds of every row, or of one\n"
    "       torture --busted FAULT|all [OPTION...]\n"
    "                                           plants a fault, or one after the\n"
    "                                           other, and tells who finds it\n"
    "       torture --list                      rows, and faults that rows find\n"
    "       torture --help\n"
    "\n"
    "  --lock NAME|all   the row (default: all; --list names them)\n"
    "  --seconds N       all rows together, with a fraction (default 10)\n"
    "  --rounds N        rounds of each row, in place of --seconds\n"
    "  --seed N          of all random numbers (default: from the clock; printed)\n"
    "  --threads N       workers, 3 to 16 (default 4)\n"
    "  --no-inject       the driver disturbs nobody: it neither delays threads nor\n"
    "                    sends interrupts and signals, forks or the like; what is\n"
    "                    part of a row stays (holds of random length, interrupts\n"
    "                    and signals that the row itself is about)\n"
    "  --strangers       somebody wakes all sleepers all the time, without a reason\n"
    "  --hang SECONDS    a round that lasts longer has failed (default 10, 20 with\n"
    "                    sanitizers)\n"
    "  --linger SECONDS  between the last row and the end, as reports of KSLOCK= may\n"
    "                    take (default 0)\n"
    "  --plant FAULT     one run with this fault, of its row unless --lock names\n"
    "                    another, without the rarest disturbances (forks, guests):\n"
    "                    what --busted starts\n"
    "\n"
    "--busted starts this program again for each fault, with the row of the fault,\n"
    "--seconds 25 and --hang 2 unless these options say otherwise, and with --rounds,\n"
    "--seed, --threads, --no-inject and --strangers as given. With \"all\" there is no\n"
    "--lock; there is no --linger.\n"
    "\n"
    "A line for each row and a table of all at the end: operations of all workers\n"
    "(of the least and the most busy one), interrupts handled, the longest wait, how\n"
    "often a writer took the slots of readers away. Exit status: 0; 1 for a failure,\n"
    "which is printed with its seed, or for a fault that was not found; 2 for a wrong\n"
    "command line; 77 if faults cannot be tried here.\n";

__attribute__((format(printf, 1, 2))) static bool wrong(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("torture: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
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

static bool read_real(const char *name, bool zero, double *value)
{
    char *end = NULL;
    *value = strtod(optarg, &end);
    if (*end == '\0' && end != optarg && (*value > 0 || (zero && *value == 0)))
        return true;
    return wrong("--%s: \"%s\" is no number %s", name, optarg,
                 zero ? "of seconds" : "above 0");
}

/* strtoull takes a sign, blanks, and what is too large. */
static bool read_whole(const char *name, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoull(optarg, &end, 0);
    if (optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0' && errno == 0 &&
        *value >= least && *value <= most)
        return true;
    return wrong("--%s: \"%s\" is no whole number from %llu to %llu", name, optarg,
                 (unsigned long long)least, (unsigned long long)most);
}

/* False, and it has said why, if a value is not what it should be. */
static bool parse_one(int c, struct options *o)
{
    uint64_t n;
    switch (c) {
    case 'l':
        o->lock = strcmp(optarg, "all") != 0 ? optarg : NULL;
        return o->lock == NULL || torture_is_row(o->lock) ||
               wrong("--lock: there is no row \"%s\"; --list names them", o->lock);
    case 'b':
        o->busted = optarg;
        return strcmp(optarg, "all") == 0 || torture_is_fault(optarg) ||
               wrong("--busted: no row finds a fault called \"%s\"; --list names those",
                     optarg);
    case 'p':
        o->plant = optarg;
        return torture_is_fault(optarg) ||
               wrong("--plant: no row finds a fault called \"%s\"; --list names those",
                     optarg);
    case 'n':
        o->inject = false;
        return true;
    case 'S':
        o->strangers = true;
        return true;
    case 'L':
        o->list = true;
        return true;
    case 'H':
        o->help = true;
        return true;
    case 's':
        return read_real("seconds", false, &o->seconds);
    case 'h':
        return read_real("hang", false, &o->hang);
    case 'w':
        return read_real("linger", true, &o->linger);
    case 'r':
        return read_whole("rounds", 1, ULONG_MAX, &o->rounds);
    case 'e':
        return read_whole("seed", 0, UINT64_MAX, &o->seed);
    case 't':
        if (!read_whole("threads", TORTURE_MIN, TORTURE_MAX, &n))
            return false;
        o->threads = (unsigned)n;
        return true;
    default:
        return false; /* getopt_long has said it */
    }
}

/* --busted and what does not go with it. */
static bool goes_together(const struct options *o)
{
    if (o->busted == NULL)
        return true;
    if (o->plant != NULL)
        return wrong("--busted and --plant: one of them");
    if (o->linger > 0)
        return wrong("--linger: not with --busted");
    if (o->lock != NULL && strcmp(o->busted, "all") == 0)
        return wrong("--lock: not with --busted all; each fault has its row");
    return true;
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
        {"help", no_argument, NULL, 'H'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (!parse_one(c, o))
            return false;
    }
    if (optind < argc)
        return wrong("\"%s\" is no option", argv[optind]);
    return goes_together(o);
}

/* What was not given. */
static void complete(struct options *o)
{
    if (o->seconds == 0)
        o->seconds = 10;
    if (o->hang == 0)
        o->hang = TORTURE_SLOW ? 20 : 10;
}

static int run(const struct options *o)
{
    unsigned cpus = ksi_cpu_count();
    printf("torture: seed %llu, %u threads, %u processor%s%s\n",
           (unsigned long long)o->seed, o->threads, cpus, cpus == 1 ? "" : "s",
           o->inject ? "" : ", nothing injected");
    fflush(stdout);
    int result = torture_run(o);
    for (double left = result == 0 ? o->linger : 0; left > 0; left -= 0.01)
        torture_nap(10000);
    return result;
}

int main(int argc, char **argv)
{
    struct options o = {
        .threads = 4,
        .inject = true,
        .seed = ksi_host_now() ^ (uint64_t)getpid() << 40,
    };
    if (!parse(argc, argv, &o)) {
        fputs("torture: --help shows the options\n", stderr);
        return 2;
    }
    if (o.help) {
        fputs(usage_text, stdout);
        return 0;
    }
    if (o.list) {
        list();
        return 0;
    }
    if (o.busted != NULL)
        return torture_busted(&o, "/proc/self/exe");
    if (o.plant != NULL && !torture_plant(o.plant, &o)) {
        fprintf(stderr, "torture: no row finds the fault %s: --lock names one\n", o.plant);
        return 2;
    }
    complete(&o);
    return run(&o);
}
