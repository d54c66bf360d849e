/* SPDX-License-Identifier: BSD-2-Clause */
/* Its constructor stays in dlopen() until it is let go, by pipes that LOADER_PIPES names.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void stay(void)
{
    int tell, wait;
    char c = 0;
    const char *pipes = getenv("LOADER_PIPES");
    if (pipes == NULL || sscanf(pipes, "%d %d", &tell, &wait) != 2 ||
        write(tell, &c, 1) != 1 || read(wait, &c, 1) != 1)
        abort();
}
