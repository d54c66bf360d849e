/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock: runs programs with diagnostics, and shows what these have written. */

#include "kslock.h"

#include <stdarg.h>
#include <string.h>

#ifndef KSLOCK_VERSION
#error "KSLOCK_VERSION comes from the build"
#endif

static const char usage[] =
    "usage: kslock run [OPTION...] [--] PROGRAM [ARG...]\n"
    "       kslock report FILE [--html OUT] [--top N]\n"
    "       kslock graph FILE\n"
    "       kslock torture [OPTION...]\n"
    "       kslock --help | --version\n"
    "\n"
    "run     runs PROGRAM, which must use libkslock, with diagnostics: sets KSLOCK,\n"
    "        see <kslock/diag.h>, and executes it\n"
    "          --order          lock-order and context checker\n"
    "          --stats[=FILE]   statistics at exit, to stderr or FILE (.json, .csv,\n"
    "                           text)\n"
    "          --sample N       statistics time one hold in N (default 16, 1: all)\n"
    "          --hang SECONDS   report waits that take as long\n"
    "          --trace FILE     what threads do, as trace JSON for the Perfetto UI\n"
    "                           and chrome://tracing; %p stands for the process\n"
    "                           number\n"
    "          --trace-events N events that each thread keeps (default 32768)\n"
    "          --graph FILE     the order graph as JSON; switches --order on\n"
    "          --report FILE    reports go to FILE instead of stderr\n"
    "          --suppress FILE  which reports not to make\n"
    "        Without options KSLOCK stays what it is in the environment; with some\n"
    "        it is replaced. No FILE may have a comma in its name.\n"
    "report  shows a JSON file of --stats as text tables, or with --html as one page\n"
    "        that needs nothing else; the order graph in it is drawn if graphviz is\n"
    "        installed\n"
    "          --html OUT       write the page to OUT (\"-\": stdout)\n"
    "          --top N          rows of a table (default 20, 0: all)\n"
    "graph   writes the order graph of a file of --stats=FILE.json or --graph as DOT\n"
    "torture runs the torture driver: threads that use the locks at random, with\n"
    "        delays, signals and interrupts, and checks of what must hold\n"
    "          --list           the rows: locks, and what is checked\n"
    "          --lock NAME|all  which row (default: all)\n"
    "          --seconds N      all rows together (default 10)\n"
    "          --seed N         of all random numbers (printed in each run)\n"
    "          --help           the other options\n"
    "        KSLOCK_TORTURE=PATH in the environment names another driver.\n"
    "\n"
    "FILE \"-\" of report and graph is stdin.\n"
    "\n"
    "Exit status: of run and torture that of the program, 126 if it cannot be run,\n"
    "127 if it is not found; else 0; 1 if a file cannot be read or written or is not\n"
    "what it should be; 2 for a wrong command line.\n";

int complain(int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("kslock: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

static int written(void)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return complain(KSLOCK_FAILED, "standard output cannot be written");
    return KSLOCK_DONE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    int status;
    if (strcmp(word, "run") == 0)
        return run_main(argc - 2, argv + 2);
    if (strcmp(word, "torture") == 0)
        return torture_main(argv + 1);
    if (strcmp(word, "report") == 0) {
        status = report_main(argc - 2, argv + 2);
    } else if (strcmp(word, "graph") == 0) {
        status = graph_main(argc - 2, argv + 2);
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        fputs(usage, stdout);
        status = KSLOCK_DONE;
    } else if (strcmp(word, "--version") == 0) {
        puts("kslock " KSLOCK_VERSION);
        status = KSLOCK_DONE;
    } else {
        if (argc > 1)
            complain(KSLOCK_USAGE, "unknown command \"%s\"", word);
        fputs(usage, stderr);
        return KSLOCK_USAGE;
    }
    return status == KSLOCK_DONE ? written() : status;
}
