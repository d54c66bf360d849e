/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_DIAG_H
#define KSLOCK_DIAG_H

#include <kslock/base.h>

KSL_BEGIN_DECLS

/*
 * Diagnostics. KSLOCK in the environment, a list of words with commas between them, is
 * read once when the library is loaded; a word that it does not know is told on stderr,
 * the others hold.
 *
 *   order          lock-order and context checker
 *   hang=SECONDS   a thread of the library reports each wait that takes as long (also a
 *                  fraction: hang=0.5), and what all threads hold and wait for, and a
 *                  circle of threads that wait for each other. SIGQUIT, if the program
 *                  leaves it at its default, dumps and no longer ends the process
 *   annotate       ThreadSanitizer or helgrind, if one of them watches the program but not
 *                  this library, is told who has which lock and who wakes whom; a
 *                  source file that is compiled with -DKSL_ANNOTATE=1 asks for it itself
 *   report=FILE    reports and violations are appended to FILE instead of stderr; opened
 *                  at once
 */

/*
 * Switches on what the list says, as KSLOCK does; nothing is ever switched off. Threads
 * that exist already are watched too. Waits that have begun before `hang` count from the
 * first look at them.
 * Context: thread; may allocate.
 * Returns 0; -EINVAL for NULL, a word that is unknown or wrong, a file that cannot be
 * opened, in a handler: then nothing has changed.
 */
KSL_API int ksl_diag_enable(const char *list);

/*
 * Writes to fd, as text, every registered thread: its stage, interrupt level and
 * priorities, what it holds and where that was taken, and what it waits for, who holds
 * that, and, with `hang`, for how long. Waits for no lock and allocates nothing: what
 * somebody is just changing is marked as such.
 * Context: any, also a real signal handler, with every thread stuck. Needs 8 KiB of
 * stack.
 */
KSL_API void ksl_diag_dump(int fd);

/*
 * The place of a lock in the hierarchy of AIX for `order`: 1 coarsest to 4 finest, 0
 * takes it off.
 * Context: thread; may allocate; without memory it does nothing. Violations:
 * `bad-argument` for another level or NULL.
 */
KSL_API void ksl_diag_level(const void *lock, int level);

KSL_END_DECLS

#endif
