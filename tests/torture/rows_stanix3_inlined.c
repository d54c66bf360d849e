/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_stanix3.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_stanix3 torture_row_stanix3_inlined
#include "rows_stanix3.c"
