/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "thread/window.h"

#include "platform/host.h"

#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#if defined(__x86_64__) && defined(__LP64__)

/*
 * The inlined code, by offset:
 *    0  mark, a no-operation of 7 bytes that nothing else contains
 *    7  cmpq %reg, (%reg)     3 or 4 bytes
 *   10  jne 1f                2 bytes; or at 11
 *   12  movq %reg, (%reg)     3 or 4 bytes; or at 13
 *       1:
 * A thread that stands at one of the three has stored nothing, and all that the code
 * reads is unchanged: it may begin again.
 */
void ksi_window_rewind(void *context)
{
    static const unsigned char mark[] = {0x0f, 0x1f, 0x80, 0x4b, 0x53, 0x4c, 0x01};
    static const unsigned char offsets[] = {7, 10, 11, 12, 13};
    enum { BACK = 13, PAGE = 4096 };
    ucontext_t *uc = context;
    greg_t *pc = &uc->uc_mcontext.gregs[REG_RIP];
    unsigned char before[BACK];
    const unsigned char *from = (const unsigned char *)(uintptr_t)*pc - BACK; // NOLINT
    if ((uintptr_t)*pc % PAGE >= BACK)
        memcpy(before, from, BACK);
    else if (ksi_host_copy(before, from, BACK) !=
             0) /* the page before may not be there */
        return;
    for (size_t i = 0; i < sizeof offsets; i++) {
        if (memcmp(before + BACK - offsets[i], mark, sizeof mark) == 0) {
            *pc -= offsets[i];
            return;
        }
    }
}

#else

void ksi_window_rewind(void *context)
{
    (void)context; /* one atomic instruction there */
}

#endif
