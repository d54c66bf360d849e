/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_evl_kmutex.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_kmutex torture_row_kmutex_inlined
#define torture_row_kmutex_destroy torture_row_kmutex_destroy_inlined
#include "rows_evl_kmutex.c"
