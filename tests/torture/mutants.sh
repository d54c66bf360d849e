#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Which test finds which planted fault, and after how many seconds.
set -eu

usage()
{
    cat <<EOF
usage: sh tests/torture/mutants.sh [BUILD-FOLDER]

Runs the tests of planted faults (ctest -L busted) of a build, by default
build/dev, and prints a line for each: the fault, the program, the row or scene
that has found it, the seconds until then, and what was seen. A fault that
several rows or scenes find has a line for each. Last line: how many lines
there are, how many faults have survived, how many were skipped. Exit status: 0 if all were
found, 1 if one survived, 2 for a wrong command line, 77 if all were skipped.
EOF
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
-*)
    usage >&2
    exit 2
    ;;
esac

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=${1:-$top/build/dev}
if [ $# -gt 1 ] || [ ! -f "$build/CTestTestfile.cmake" ]; then
    [ $# -le 1 ] && echo "mutants.sh: no tests in $build" >&2
    usage >&2
    exit 2
fi

# ctest fails if a fault survives; the table says so, too. On one processor some are tried
# once more.
(cd "$build" && ctest -L busted -E one_cpu -j "$(nproc 2>/dev/null || echo 2)" -V 2>&1 || true) | awk '
    # 12: busted NAME: killed after 1.2 s (lock=sx seed=... round=... threads=...: what)
    # 12: busted NAME: killed after 1.2 s (test=f01_...: what)
    function add(name, program, by, seconds, why) {
        line[++lines] = sprintf("%-28s %-8s %-58s %8s  %s", name, program, by, seconds, why)
    }
    /^[0-9]+: busted [A-Z0-9_]+: killed after / {
        name = $3
        sub(/:$/, "", name)
        seconds = $6
        why = $0
        sub(/^[^(]*\(/, "", why)
        sub(/\)$/, "", why)
        by = why
        if (why ~ /^test=/) {
            sub(/^test=/, "", by)
            sub(/:.*/, "", by)
            sub(/^[^:]*: /, "", why)
            add(name, "bugs", by, seconds, why)
        } else if (why ~ /^lock=/) {
            sub(/^lock=/, "", by)
            sub(/ .*/, "", by)
            sub(/^[^:]*: /, "", why)
            add(name, "torture", by, seconds, why)
        } else {
            add(name, "torture", "(its row)", seconds, why)
        }
        next
    }
    /^[0-9]+: busted [A-Z0-9_]+: SURVIVED / {
        name = $3
        sub(/:$/, "", name)
        add(name, "", "SURVIVED", $5, "")
        survived++
    }
    /^[0-9]+: busted: skipped/ { skipped++ }
    END {
        printf "%-28s %-8s %-58s %8s  %s\n", "fault", "program", "found by", "seconds", "what"
        # Sorted by name: the lines come in the order in which the tests end.
        for (i = 2; i <= lines; i++) {
            for (j = i; j > 1 && line[j] < line[j - 1]; j--) {
                swap = line[j]
                line[j] = line[j - 1]
                line[j - 1] = swap
            }
        }
        for (i = 1; i <= lines; i++)
            print substr(line[i], 1, 180)
        printf "%d lines, %d survived, %d skipped\n", lines, survived, skipped
        if (lines == 0)
            exit skipped > 0 ? 77 : 1
        exit survived > 0
    }'
