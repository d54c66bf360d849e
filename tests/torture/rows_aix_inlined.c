/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_aix.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define TORTURE_AIX_ROWS_ONLY 1
#define torture_row_simple torture_row_simple_inlined
#define torture_row_simple_irq torture_row_simple_irq_inlined
#define torture_row_simple_self torture_row_simple_self_inlined
#include "rows_aix.c"
