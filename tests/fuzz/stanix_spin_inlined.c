/* SPDX-License-Identifier: BSD-2-Clause */
/* stanix_spin.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define FZ_FAMILY fz_stanix_spin_inlined
#define FZ_NAME "stanix_spin_inlined"
#include "stanix_spin.c"
