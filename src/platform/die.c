/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/die.h"
#include "platform/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ksi_die(const char *file, int line, const char *what, int error)
{
    char text[256];
    const char *base = strrchr(file, '/');
    int n = snprintf(text, sizeof text, "kslock: internal error: %s:%d: %s (error %d)\n",
                     base != NULL ? base + 1 : file, line, what, error);
    (void)ksi_cancel_off();
    if (n > 0) {
        size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        ssize_t written = write(STDERR_FILENO, text, len);
        (void)written; /* nobody is left to tell */
    }
    abort();
}
