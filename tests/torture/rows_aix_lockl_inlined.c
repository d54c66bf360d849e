/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_aix_lockl.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_lockl torture_row_lockl_inlined
#define torture_row_drw torture_row_drw_inlined
#include "rows_aix_lockl.c"
