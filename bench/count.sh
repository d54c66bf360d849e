#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# count.sh KSLOCK_BENCH [REGEX]
# What one uncontended pair executes, by kslock_bench --counts; REGEX chooses locks
# ("pair mutex"). If valgrind is there it checks the instructions of a few of them: two
# runs of callgrind that differ by 10000 pairs. Exit status: 0; 1 if the two disagree by
# more than a tenth; 77 if there are no counts here; 2 for a wrong command line.
set -eu

if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo "usage: sh count.sh KSLOCK_BENCH [REGEX]" >&2
    exit 2
fi
bench=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bench" --counts --only "${2:-.}" >"$work/counts" || exit $?
cat "$work/counts"
command -v valgrind >/dev/null 2>&1 || {
    echo "count.sh: not checked by a second tool: valgrind is missing"
    exit 0
}

# Instructions of a run of n pairs.
callgrind() # LOCK N
{
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$bench" --pairs "$1" "$2" \
        >"$work/log" 2>&1 || return 1
    sed -n 's/^\(summary\|totals\): //p' "$work/out" | head -n 1
}

status=0
for lock in "pthread_mutex" "sx exclusive" "mutex"; do
    stepped=$(awk -v lock="$lock" '{
        n = NF - 5
        name = $1
        for (i = 2; i <= n; i++) name = name " " $i
        if (name == lock) print $(n + 1)
    }' "$work/counts")
    [ -n "$stepped" ] || continue
    if ! few=$(callgrind "$lock" 20000) || ! more=$(callgrind "$lock" 30000); then
        echo "count.sh: not checked: valgrind cannot run this program:"
        grep -v '^==' "$work/log" | head -n 2
        exit 0
    fi
    awk -v lock="$lock" -v stepped="$stepped" -v few="$few" -v more="$more" 'BEGIN {
        traced = (more - few) / 10000
        printf "%-30s %12.1f by stepping, %.1f by callgrind\n", lock, stepped, traced
        exit traced > stepped * 1.1 || traced < stepped * 0.9
    }' || status=1
done
exit $status
