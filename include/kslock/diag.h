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
 *   suppress=FILE  reports of `order` that are not told and not counted, see below; read
 *                  at once
 *   hang=SECONDS   a thread of the library reports each wait that takes as long (also a
 *                  fraction: hang=0.5), and what all threads hold and wait for; and
 *                  each deadlock when its last wait begins, whatever the limit, see
 *                  below. SIGQUIT, if the program leaves it at its default, dumps and no
 *                  longer ends the process
 *   stats          counts, for each lock, class of locks, call site and thread, what is
 *                  taken, waited for and held, and how long; and interrupts; a report
 *                  as text when the process exits, but not in a child of fork, which
 *                  counts anew, and reports if it switches `stats` on itself. All is
 *                  counted and all waits are timed; of holds see sample
 *   stats=FILE     the same, and the report replaces what is in FILE; as JSON or CSV if
 *                  its name ends in .json or .csv; opened at once
 *   sample=N       of `stats`, which it does not switch on: after the first 64 holds of a
 *                  lock by a thread at a call site, one hold in N is timed, at distances
 *                  that vary, and stands for those between; 1 to 65536, default 16, 1:
 *                  every hold. A hold that had to be waited for is always timed. Totals
 *                  of hold times are then estimates; the longest hold, and the longest
 *                  time that a lock kept interrupts masked, are of the holds that were
 *                  timed: one between them may have been longer. Reports have the number
 *                  of those, and say in a line whether all were timed
 *   annotate       ThreadSanitizer or helgrind, if one of them watches the program but
 *                  not this library, is told who has which lock and who wakes whom; a
 *                  source file that is compiled with -DKSL_ANNOTATE=1 asks for it
 *                  itself; share/kslock/helgrind.supp, which is installed, is for
 *                  helgrind
 *   report=FILE    reports and violations are appended to FILE instead of stderr; opened
 *                  at once
 *   trace=FILE     what threads do: holds, waits, wake-ups, interrupts, stages,
 *                  promotions, written to FILE when the program calls exit or returns
 *                  from main, as trace JSON, which the Perfetto UI and chrome://tracing
 *                  read. FILE is emptied at once; %p in it stands for the number of the
 *                  process. Each thread keeps its last 32768 events, or as many as
 *                  KSLOCK_TRACE_EVENTS in the environment says (1 to 16777216, rounded
 *                  up to a power of two, at least 64); threads that have exited keep
 *                  theirs, as long as there are no more than 1024. What is missing is
 *                  told in the trace and on stderr. A child of fork has no trace until
 *                  it switches on its own
 *   graph=FILE     `order`, and its graph is written to FILE, named and written as that
 *                  of trace, as a JSON object: see `kslock graph`
 *
 * What stats, trace and graph write at exit is written by quick_exit too, and when
 * SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT (so by abort and by a panic), SIGSYS, SIGPIPE,
 * SIGTERM, SIGINT or SIGHUP ends the process, if the program has no handler for it: those
 * that have their default action when the word is switched on get a handler then, which
 * has the reports written by processes of their own, at most 10 seconds each, and lets
 * the signal do what it would have done; exit status and core file are the same. Nothing
 * is written by _exit, exec, SIGKILL and other signals, nor when a thread has the signal
 * blocked, nor by a program with a handler of its own: there ksl_diag_trace and
 * ksl_diag_stats write at any time before. Under ThreadSanitizer only quick_exit counts,
 * under AddressSanitizer not what that catches.
 *
 * A deadlock, a circle of threads each of which waits for what the next one has, is one
 * line "kslock: deadlock of N threads: ..." that names the threads, the locks and where
 * they were taken. It is no violation, and told once. Owners of locks, sharers that a
 * writer waits for, the writer that a reader waits behind, the stage inside a stax and
 * the holder of a semaphore that is used as a lock count. A wait with a date ends by
 * itself and is never part of it; of a wait that a signal or an unblock can end the line
 * says so.
 *
 * A file of suppress=FILE has lines `RULE CLASS [CLASS]`, patterns as in a shell
 * (fnmatch); blanks separate them, "quotes" keep blanks in a pattern, # begins a comment.
 * RULE is a rule of `order` (<kslock/violation.h>). CLASS is any of: the name of a lock
 * of FreeBSD; CLASS.OCCURRENCE or CLASS of lock_alloc; the symbol, or SYMBOL+0x40 or
 * FILE+0x1240, as in a dump; FILE.c:LINE or the like where its init call returns, as in a
 * report; its address; <KIND>, such as <spin mutex>. With one CLASS a report is
 * suppressed if one of its locks is of that class, with two if both are, in any order; of
 * a cycle, two that follow each other. A wrong line is told on stderr with its number:
 * KSLOCK uses the others, ksl_diag_enable fails.
 *
 * A lock without a name, a class or an init call is known to `order` by its address. If
 * that memory, on a stack or a heap, serves such a lock after another one, the two are
 * one class, and a report says that it is such memory; an init call tells them apart.
 */

/*
 * Switches on what the list says, as KSLOCK does; nothing is ever switched off. Threads
 * that exist already are watched too. Waits that have begun before `hang` count from the
 * first look at them.
 * Context: thread; may allocate.
 * Returns 0; -EINVAL for NULL, a word that is unknown or wrong, a file that cannot be
 * opened, `annotate` without a race detector, in a handler, without memory or a thread
 * for it: then nothing is switched on and no file emptied, but files may be new.
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
 * Writes to fd what `stats` has counted so far; other threads go on meanwhile.
 * Context: thread; allocates pages for the time of the report.
 * Returns 0; -EINVAL if `stats` is off, for another format, in a handler; -ENOMEM.
 */
enum { KSL_STATS_TEXT, KSL_STATS_CSV, KSL_STATS_JSON };
KSL_API int ksl_diag_stats(int fd, int format);

/*
 * Writes to fd what trace=FILE would write if the program ended now. Other threads go on
 * meanwhile; what they overwrite before it is read is missing, and counted.
 * Context: thread; may allocate.
 * Returns 0; -EINVAL if trace is off, or in a handler; -ENOMEM; the error of write.
 */
KSL_API int ksl_diag_trace(int fd);

/*
 * The place of a lock in the hierarchy of AIX for `order`: 1 coarsest to 4 finest, 0
 * takes it off.
 * Context: thread; may allocate; without memory it does nothing. Violations:
 * `bad-argument` for another level or NULL.
 */
KSL_API void ksl_diag_level(const void *lock, int level);

KSL_END_DECLS

#endif
