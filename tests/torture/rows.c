/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture.h"

#include <string.h>

#define ROW(id, name, what) extern const struct row torture_row_##id;
#include "rows.def"
#undef ROW

const struct named_row torture_rows[] = {
#define ROW(id, name, what) {name, what, &torture_row_##id},
#include "rows.def"
#undef ROW
};

const unsigned torture_row_count = sizeof torture_rows / sizeof torture_rows[0];

bool torture_is_row(const char *name)
{
    for (unsigned i = 0; i < torture_row_count; i++) {
        if (strcmp(torture_rows[i].name, name) == 0)
            return true;
    }
    return false;
}

_Static_assert(sizeof torture_rows / sizeof torture_rows[0] <= TORTURE_ROWS,
               "a longer table of totals is needed");
