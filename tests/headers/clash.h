/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_HEADERS_CLASH_H
#define TESTS_HEADERS_CLASH_H

/* Number of functions in clash_main.c that bear a kernel's name. */
enum { CLASH_NAMES = 35 };

/* How often any of them has been called. */
extern int clash_calls;

/* The program's own function of that name is what the name means; they count themselves.
 */
#define CHECK_OWN(name)                                                                  \
    if (name() != ++expected) {                                                          \
        printf("%s is not the application's\n", #name);                                  \
        return 1;                                                                        \
    }

/*
 * Uses each kernel function of those names through the kernel's headers.
 * Returns 0 if all behaved as the kernel's do, else the line that found it.
 */
int clash_use_kernel(void);

#endif
