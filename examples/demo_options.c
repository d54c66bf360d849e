/* SPDX-License-Identifier: BSD-2-Clause */

#include "demo_options.h"

#include "demo_chardev.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_READERS = 4, DEFAULT_HZ = 10000 };

static void usage(FILE *to)
{
    fprintf(to,
            "usage: demo_driver [options] [FILE]\n"
            "  --readers N         reader tasks, 1 to %d (default %d)\n"
            "  --hz N              interrupts a second, 1 to 1000000 (default %d)\n"
            "  --bytes N           play the first N bytes only\n"
            "  --quiet             print errors only\n"
            "  --selftest-corrupt  flip one bit on the way: the run must fail\n"
            "  --selftest-torn     show half a routing table: the run must fail\n"
            "  --selftest-gate     show half a sample: the run must fail\n"
            "  --selftest-lost     forget a request to the disk: the run must fail\n",
            CHARDEV_READERS, DEFAULT_READERS, DEFAULT_HZ);
}

/* A whole number in a range; ends the program if it is none. */
static size_t number(const char *name, const char *text, size_t low, size_t high)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || value < low ||
        value > high) {
        fprintf(stderr, "demo: --%s: %s is not a number from %zu to %zu\n", name, text,
                low, high);
        exit(EXIT_NO_RUN);
    }
    return (size_t)value;
}

static const struct options defaults = {
    .readers = DEFAULT_READERS, .hz = DEFAULT_HZ, .bytes = SIZE_MAX};

static const struct option names[] = {
    {"readers", required_argument, NULL, 'r'},
    {"hz", required_argument, NULL, 'z'},
    {"bytes", required_argument, NULL, 'b'},
    {"quiet", no_argument, NULL, 'q'},
    {"selftest-corrupt", no_argument, NULL, 'c'},
    {"selftest-torn", no_argument, NULL, 't'},
    {"selftest-gate", no_argument, NULL, 'g'},
    {"selftest-lost", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void options_parse(int argc, char **argv, struct options *o)
{
    int c;
    *o = defaults;
    while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (c) {
        case 'r':
            o->readers = (unsigned)number("readers", optarg, 1, CHARDEV_READERS);
            break;
        case 'z':
            o->hz = (unsigned)number("hz", optarg, 1, 1000000);
            break;
        case 'b':
            o->bytes = number("bytes", optarg, 0, SIZE_MAX - 1);
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'c':
            o->corrupt = true;
            break;
        case 't':
            o->torn = true;
            break;
        case 'g':
            o->gate = true;
            break;
        case 'l':
            o->lose = true;
            break;
        default:
            usage(c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : EXIT_NO_RUN);
        }
    }
    if (argc - optind > 1) {
        usage(stderr);
        exit(EXIT_NO_RUN);
    }
    if (optind < argc)
        o->file = argv[optind];
}
