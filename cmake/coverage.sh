#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh GCOV SOURCE_DIR BUILD_DIR
# Prints the line and branch coverage of each file in src/, of each floor, and of all,
# after the tests have run. The objects of the shipped and of the testing library count
# as one. Left out: branches of planted faults and of points, which are no part of the
# library. Needs gcovr.
set -eu

gcov=$1
source=$2
build=$3

command -v gcovr >/dev/null 2>&1 || {
    echo "coverage: gcovr is not installed" >&2
    exit 1
}
[ -n "$(find "$build/src" -name '*.gcda' | head -n 1)" ] || {
    echo "coverage: no counts below $build/src; run the tests first" >&2
    exit 1
}

gcovr --root "$source" --filter "$source/src/" --gcov-executable "$gcov" \
    --exclude-branches-by-pattern '.*KSI_(FAULT|POINT|DIE|RAW_COUNT|SPIN_CAP)\(.*' \
    --exclude-unreachable-branches --gcov-ignore-parse-errors \
    --csv --output "$build/coverage.csv" "$build/src"

awk -F, '
    function percent(part, all) {
        return all == 0 ? "     -" : sprintf("%5.1f%%", 100 * part / all)
    }
    function row(name, lines, hit, branches, taken) {
        printf "%-28s lines %s %6d of %6d   branches %s %6d of %6d\n", name,
            percent(hit, lines), hit, lines, percent(taken, branches), taken, branches
    }
    FNR == 1 {
        for (i = 1; i <= NF; i++) column[$i] = i
        next
    }
    {
        file = $column["filename"]
        floor = file
        sub(/^src\//, "", floor)
        if (!sub(/\/.*/, "", floor)) next
        l = $column["line_total"]; h = $column["line_covered"]
        b = $column["branch_total"]; t = $column["branch_covered"]
        row(file, l, h, b, t)
        lines[floor] += l; hit[floor] += h; branches[floor] += b; taken[floor] += t
        lines["all"] += l; hit["all"] += h; branches["all"] += b; taken["all"] += t
    }
    END {
        print ""
        n = split("platform thread diag wait lock native all", order, " ")
        for (i = 1; i <= n; i++)
            if (order[i] in lines)
                row(order[i], lines[order[i]], hit[order[i]], branches[order[i]], taken[order[i]])
    }' "$build/coverage.csv"
