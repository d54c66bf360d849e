/* SPDX-License-Identifier: BSD-2-Clause */
/* stanix.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define FZ_FAMILY fz_stanix_inlined
#define FZ_NAME "stanix_inlined"
#include "stanix.c"
