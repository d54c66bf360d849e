/* SPDX-License-Identifier: BSD-2-Clause */
/* What libFuzzer calls; FAMILY is the family of the program. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fz_run(&FAMILY, data, size);
    return 0;
}
