/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

/* Command line and exit status of the demo. */

#include <stdbool.h>
#include <stddef.h>

/* Exit status beside 0. */
enum { EXIT_DIFFERS = 1, EXIT_NO_RUN = 2 };

struct options {
    unsigned readers;
    unsigned hz;
    size_t bytes; /* SIZE_MAX: all */
    bool quiet;
    bool corrupt;
    bool torn;
    bool gate;
    bool lose;
    const char *file; /* NULL: text of this system */
};

/* Fills *o; ends the program after --help and if the command line is wrong. */
void options_parse(int argc, char **argv, struct options *o);

#endif
