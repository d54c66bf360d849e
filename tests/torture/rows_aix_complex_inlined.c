/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_aix_complex.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_complex torture_row_complex_inlined
#define torture_row_complex_upgrade torture_row_complex_upgrade_inlined
#include "rows_aix_complex.c"
