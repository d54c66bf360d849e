/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times our locks and their peers in interleaved rounds of one process; compare the
 * ratios, not the figures. README.md says how to read them.
 */
#include "compare.h"
#include "report.h"
#include "targets.h"

#include <getopt.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct suite_options suite;
    unsigned rounds;
    double seconds; /* of one measurement */
    double limit;   /* of all, in seconds */
    bool filtered;
    regex_t only;
    const char *json;
    const char *csv;
    const char *pairs;
    bool compare, absolute, targets, counts, list;
} options = {.limit = -1, .suite = {.set = SHORT, .inside_ns = 50, .outside_ns = 200}};

static const struct {
    const char *name;
    unsigned rounds;
    double seconds;
    double limit;
} sets[] = {[SMOKE] = {"smoke", 6, 0.001, 86400},
            [SHORT] = {"short", 11, 0.02, 270},
            [FULL] = {"full", 21, 0.03, 86400}};

enum { TARGET_ROUNDS = 15 };
static const double TARGET_SECONDS = 0.03;
static const double TARGET_LIMIT = 200;

static void usage(FILE *to)
{
    fprintf(to,
            "usage: kslock_bench [OPTION...]\n"
            "       kslock_bench --targets [OPTION...]\n"
            "       kslock_bench --counts [--only REGEX]\n"
            "       kslock_bench --pairs LOCK N\n"
            "       kslock_bench --compare OLD.json NEW.json [--absolute]\n"
            "\n"
            "  --set NAME       short (default, a few minutes), full, or smoke, which\n"
            "                   only shows that everything runs\n"
            "  --only REGEX     measure the lines \"TEST LOCK\" that match, and what\n"
            "                   they are compared with\n"
            "  --list           print these lines instead of measuring them\n"
            "  --rounds N       rounds of every test, 1 to 1000 (short: 11, full: 21,\n"
            "                   targets: 15)\n"
            "  --seconds X      length of one measurement, 0.0001 to 3600 (short: 0.02,\n"
            "                   full and targets: 0.03)\n"
            "  --limit X        seconds that all may take; what is slow gets fewer\n"
            "                   rounds, 3 at least (short: 270, targets: 200)\n"
            "  --threads N,...  threads of the contended tests and the mixes, 1 to 256\n"
            "                   each (default 2, 8, 16 and 4 a processor; mixes 2, 8)\n"
            "  --inside NS      time with a contended lock, 0 to 1000000 (default 50)\n"
            "  --outside NS     time between two acquisitions, likewise (default 200)\n"
            "  --json FILE      write all rounds in the form of Google Benchmark\n"
            "  --csv FILE       write a line a row\n"
            "  --targets        measure what the project promises; exit status 1 if a\n"
            "                   promise is not kept\n"
            "  --counts         print what an uncontended pair executes: locked\n"
            "                   instructions, calls; exit status 77 if it cannot be had\n"
            "  --pairs LOCK N   only run N uncontended pairs of a lock, for other tools\n"
            "  --compare A B    print what has changed significantly from A to B\n"
            "  --absolute       compare times, not ratios to baselines\n"
            "  --help           this text\n"
            "Exit status: 0; 1 for a missed target or an error of the system; 2 for a\n"
            "wrong command line, a file that is not JSON, or if no line matches.\n");
}

static void wrong(const char *what, const char *value)
{
    fprintf(stderr, "bench: %s: %s\n", what, value);
    usage(stderr);
    exit(2);
}

/* A number from least to most and nothing else; exits if it is not. */
static double number(const char *option, const char *s, double least, double most)
{
    char *end;
    double value = strtod(s, &end);
    if (end == s || *end != '\0' || !(value >= least && value <= most))
        wrong(option, s);
    return value;
}

static struct thread_counts numbers(const char *option, char *list)
{
    struct thread_counts c = {0};
    for (char *s = strtok(list, ","); s != NULL; s = strtok(NULL, ",")) {
        if (c.n == sizeof c.count / sizeof c.count[0])
            wrong(option, "too many numbers");
        c.count[c.n++] = (unsigned)number(option, s, 1, 256);
    }
    if (c.n == 0)
        wrong(option, "no number");
    return c;
}

static enum set set_named(const char *name)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (strcmp(sets[i].name, name) == 0)
            return (enum set)i;
    }
    wrong("--set", name);
    return SHORT;
}

static void set_filter(const char *regex)
{
    if (options.filtered)
        regfree(&options.only);
    if (regcomp(&options.only, regex, REG_EXTENDED | REG_NOSUB) != 0)
        wrong("--only", regex);
    options.filtered = true;
}

static void take_option(int c)
{
    switch (c) {
    case 'h':
        usage(stdout);
        exit(0);
    case 'S':
        options.suite.set = set_named(optarg);
        break;
    case 'o':
        set_filter(optarg);
        break;
    case 'r':
        options.rounds = (unsigned)number("--rounds", optarg, 1, 1000);
        break;
    case 's':
        options.seconds = number("--seconds", optarg, 0.0001, 3600);
        break;
    case 'l':
        options.limit = number("--limit", optarg, 0, 86400);
        break;
    case 't':
        options.suite.threads = numbers("--threads", optarg);
        break;
    case 'i':
        options.suite.inside_ns = (unsigned)number("--inside", optarg, 0, 1e6);
        break;
    case 'O':
        options.suite.outside_ns = (unsigned)number("--outside", optarg, 0, 1e6);
        break;
    case 'j':
        options.json = optarg;
        break;
    case 'c':
        options.csv = optarg;
        break;
    case 'p':
        options.pairs = optarg;
        break;
    case 0: /* a flag of its own */
        break;
    default:
        usage(stderr);
        exit(2);
    }
}

static void parse(int argc, char **argv)
{
    static int compare, absolute, targets, counts, list;
    static const struct option known[] = {{"set", required_argument, NULL, 'S'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"limit", required_argument, NULL, 'l'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"inside", required_argument, NULL, 'i'},
                                          {"outside", required_argument, NULL, 'O'},
                                          {"json", required_argument, NULL, 'j'},
                                          {"csv", required_argument, NULL, 'c'},
                                          {"compare", no_argument, &compare, 1},
                                          {"pairs", required_argument, NULL, 'p'},
                                          {"absolute", no_argument, &absolute, 1},
                                          {"targets", no_argument, &targets, 1},
                                          {"counts", no_argument, &counts, 1},
                                          {"list", no_argument, &list, 1},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        take_option(c);
    options.compare = compare != 0;
    options.absolute = absolute != 0;
    options.targets = targets != 0;
    options.counts = counts != 0;
    options.list = list != 0;
    if (optind + (options.compare ? 2 : options.pairs != NULL) != argc)
        wrong("arguments", optind < argc ? argv[optind] : "too few");
    if (options.rounds == 0)
        options.rounds = options.targets ? TARGET_ROUNDS : sets[options.suite.set].rounds;
    if (options.seconds <= 0)
        options.seconds =
            options.targets ? TARGET_SECONDS : sets[options.suite.set].seconds;
    if (options.limit < 0)
        options.limit = options.targets ? TARGET_LIMIT : sets[options.suite.set].limit;
}

/* True for a line that --only names. */
static bool matches(const char *test, const struct adapter *a)
{
    char title[160];
    snprintf(title, sizeof title, "%s %s", test, a->name);
    return !options.filtered || regexec(&options.only, title, 0, NULL, 0) == 0;
}

static size_t choose(const struct test *t)
{
    size_t n = 0;
    for (size_t i = 0; i < rows_count(); i++) {
        struct row *row = row_at(i);
        row->wanted = test_supports(t, row->adapter) && matches(t->name, row->adapter);
        n += row->wanted;
        if (row->wanted && options.list)
            printf("%s %s\n", t->name, row->adapter->name);
    }
    return n;
}

static int measure_all(void)
{
    size_t count;
    size_t lines = 0;
    uint64_t end = now_ns() + (uint64_t)(options.limit * 1e9);
    const struct test *tests = suite_tests(&options.suite, &count);
    for (size_t i = 0; i < count; i++) {
        size_t chosen = choose(&tests[i]);
        lines += chosen;
        if (options.list || chosen == 0)
            continue;
        unsigned rounds = run_test(&tests[i], options.rounds, options.seconds,
                                   fair_share(end, count - i));
        report_test(&tests[i], rounds, options.seconds);
        if (rounds < options.rounds)
            printf("%-34s only %u of %u rounds: the time is short\n", tests[i].name,
                   rounds, options.rounds);
    }
    if (lines == 0)
        fprintf(stderr, "bench: no line matches\n");
    return lines == 0 ? 2 : 0;
}

static int count_all(void)
{
    for (size_t i = 0; i < rows_count(); i++) {
        struct row *row = row_at(i);
        row->wanted = matches("pair", row->adapter);
    }
    return print_counts();
}

static int run_pairs(const char *n)
{
    double pairs = number("--pairs", n, 1, 1e12);
    const struct row *row = row_named(options.pairs);
    if (row == NULL || row->adapter->pairs == NULL)
        wrong("--pairs", options.pairs);
    row->adapter->pairs((size_t)pairs);
    return 0;
}

int main(int argc, char **argv)
{
    int status;
    parse(argc, argv);
    if (options.compare)
        return compare_files(argv[optind], argv[optind + 1], options.absolute);
    rows_init(options.rounds);
    adapters_init();
    if (!options.list)
        drivers_init();
    if (options.pairs != NULL)
        return run_pairs(argv[optind]);
    if (options.counts)
        return count_all();
    if (!options.list)
        report_open(options.json, options.csv, argc, argv);
    if (options.targets)
        status = check_targets(options.rounds, options.seconds, options.limit);
    else
        status = measure_all();
    report_close();
    return status;
}
