/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_DEADLOCK_H
#define TESTS_DIAG_DEADLOCK_H

#include "any_lock.h"
#include "puppet.h"
#include "readback.h"

#include <kslock/diag.h>
#include <kslock/stage.h>

typedef const struct any_lock *type;

static struct report_file file;

static inline void enable(void)
{
    char list[128];
    snprintf(list, sizeof list, "hang=1000,report=%s", file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
}

static inline type type_of(const char *name)
{
    for (unsigned i = 0; any_lock_at(i) != NULL; i++) {
        if (strcmp(any_lock_at(i)->type, name) == 0)
            return any_lock_at(i);
    }
    ck_abort_msg("no type %s", name);
    return NULL;
}

/* A deadlock of n threads stands in the file, to the end of its line. */
static inline bool told(unsigned n)
{
    char text[64];
    snprintf(text, sizeof text, "kslock: deadlock of %u threads: ", n);
    const char *line = strstr(report_file_read(&file), text);
    return line != NULL && strchr(line, '\n') != NULL;
}

#endif
