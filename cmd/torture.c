/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock torture: finds the torture driver, and executes it. */

#include "kslock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From the folder of this executable to the driver: installed, and in a build tree. */
#ifndef KSLOCK_TORTURE_INSTALLED
#error "KSLOCK_TORTURE_INSTALLED comes from the build"
#endif
#ifndef KSLOCK_TORTURE_BUILT
#define KSLOCK_TORTURE_BUILT ""
#endif
#ifndef KSLOCK_BUILD_MARK
#define KSLOCK_BUILD_MARK ""
#endif

enum { LONGEST = 4096 };

/* What is at `path` of the folder of this executable; false: too long, or unknown. */
static bool beside(char *found, const char *path)
{
    ssize_t n = readlink("/proc/self/exe", found, LONGEST - 1);
    if (n <= 0 || n >= LONGEST - 1)
        return false;
    found[n] = '\0';
    char *end = strrchr(found, '/');
    if (end == NULL)
        return false;
    size_t room = LONGEST - (size_t)(end + 1 - found);
    int length = snprintf(end + 1, room, "%s", path);
    return length >= 0 && (size_t)length < room;
}

/* Returns only if the file could not be executed: the status, or -1 if there is none. */
static int execute(const char *driver, char **argv)
{
    if (access(driver, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return -1;
    argv[0] = (char[]){"torture"};
    execv(driver, argv);
    return complain(KSLOCK_NOT_RUN, "torture: %s: %s", driver, strerror(errno));
}

static int not_found(const char *places)
{
    return complain(KSLOCK_NOT_FOUND,
                    "torture: the driver was not found; looked for\n%s"
                    "It is built with the CMake option KSLOCK_TESTS=ON, and then "
                    "installed with this\ncommand. The variable KSLOCK_TORTURE in the "
                    "environment names one elsewhere.",
                    places);
}

int torture_main(char **argv)
{
    static char places[3 * LONGEST], path[LONGEST];
    const char *chosen = getenv("KSLOCK_TORTURE");
    int status = -1;
    if (chosen != NULL && chosen[0] != '\0') {
        status = execute(chosen, argv);
        snprintf(places, sizeof places, "  %s (KSLOCK_TORTURE)\n", chosen);
        return status >= 0 ? status : not_found(places);
    }
    if (!beside(path, KSLOCK_TORTURE_INSTALLED))
        return complain(KSLOCK_NOT_FOUND, "torture: this command does not find itself");
    status = execute(path, argv);
    if (status >= 0)
        return status;
    int used = snprintf(places, sizeof places, "  %s\n", path);
    /* What has such a name beside an installed command is none of ours. */
    if (KSLOCK_TORTURE_BUILT[0] != '\0' && beside(path, KSLOCK_BUILD_MARK) &&
        access(path, F_OK) == 0 && beside(path, KSLOCK_TORTURE_BUILT)) {
        status = execute(path, argv);
        snprintf(places + used, sizeof places - (size_t)used, "  %s\n", path);
    }
    return status >= 0 ? status : not_found(places);
}
