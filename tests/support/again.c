/* SPDX-License-Identifier: BSD-2-Clause */
#include "again.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

void support_exec(const char *const words[])
{
    enum { MOST = 16 };
    char self[4096];
    const char *all[MOST + 2];
    const char *emulator = getenv("KSLOCK_TEST_EMULATOR");
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t n = 0;
    if (size < 0)
        return;
    self[size] = '\0';
    if (emulator != NULL && *emulator != '\0') {
        all[n++] = emulator;
        all[n++] = self; /* it has to be the name, too */
    } else {
        emulator = NULL;
        all[n++] = words[0];
    }
    for (size_t i = 1; words[0] != NULL && words[i] != NULL; i++) {
        if (n > MOST)
            return;
        all[n++] = words[i];
    }
    all[n] = NULL;
    (void)execv(emulator != NULL ? emulator : self, (char *const *)(uintptr_t)all);
}
