#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# smoke.sh KSLOCK_BENCH [LAUNCHER...]
# Every driver runs, the files it writes can be read back, and a comparison finds what has
# changed and nothing else. Says nothing about speed.
set -eu

bench=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail()
{
    echo "smoke.sh: $*"
    exit 1
}

expect() # STATUS ARG...
{
    wanted=$1
    shift
    set +e
    $launcher "$bench" "$@" >"$work/out" 2>"$work/err"
    status=$?
    set -e
    [ $status -eq "$wanted" ] || {
        cat "$work/err"
        fail "$* ended with $status, not $wanted"
    }
}

launcher=$*
expect 0 --set smoke --seconds 0.0005 --json "$work/a.json" --csv "$work/a.csv"
cp "$work/out" "$work/table"
for kind in uncontended contended readers mix hand-over interrupts many held distinct \
    known-threads sleeping-threads waiting-threads promoted chain; do
    awk -F, -v kind=$kind '$1 == kind { n++ } END { exit n == 0 }' "$work/a.csv" ||
        fail "no line of $kind"
done
lines=$(($(wc -l <"$work/a.csv") - 1))
[ "$(($(wc -l <"$work/table") - 1))" -eq $lines ] || fail "the table is not as long as the CSV"
[ "$(grep -c '"aggregate_name":"median"' "$work/a.json")" -eq $lines ] ||
    fail "not every line has a median in the JSON"
if python3 -c 'import json' 2>/dev/null; then
    python3 -c '
import json, sys
entries = json.load(open(sys.argv[1]))["benchmarks"]
assert all(e["real_time"] > 0 and e["time_unit"] == "ns" for e in entries
           if e["run_type"] == "iteration")' "$work/a.json" || fail "the JSON is wrong"
fi

expect 0 --compare "$work/a.json" "$work/a.json"
grep -q "^$lines lines compared, 0 changed$" "$work/out" || {
    cat "$work/out"
    fail "a file differs from itself"
}

# One lock becomes a million times slower.
awk '/"run_name":"uncontended\/mutex",.*"run_type":"iteration"/ {
        gsub(/"real_time":[0-9.e+-]*/, "&e6")
        gsub(/"ratio":[0-9.e+-]*/, "&e6")
        planted++
    }
    { print }
    END { exit planted == 0 }' "$work/a.json" >"$work/b.json" || fail "nothing to plant"
expect 0 --compare "$work/a.json" "$work/b.json"
if ! grep -q "^uncontended/mutex " "$work/out" ||
    ! grep -q "^$lines lines compared, 1 changed$" "$work/out"; then
    cat "$work/out"
    fail "the planted change is not found"
fi
expect 0 --compare --absolute "$work/a.json" "$work/b.json"
grep -q "^$lines lines compared, 1 changed$" "$work/out" || fail "nor in absolute times"

head -c 1000 "$work/a.json" >"$work/c.json"
expect 2 --compare "$work/a.json" "$work/c.json"
grep -q "not JSON" "$work/err" || fail "half a file is taken for JSON"

expect 0 --list --only "^uncontended mutex$"
[ "$(cat "$work/out")" = "uncontended mutex" ] || fail "--list prints something else"
expect 2 --only "^no such lock$"
expect 2 --rounds 0
expect 2 --threads 2,x
expect 0 --pairs mutex 10

# Whether targets are met is another question: 0 or 1.
set +e
$launcher "$bench" --targets --rounds 1 --seconds 0.0005 >"$work/targets" 2>&1
status=$?
set -e
if [ $status -gt 1 ] || ! tail -n 1 "$work/targets" | grep -q "^[0-9]* of 14 targets met$"; then
    cat "$work/targets"
    fail "--targets ended with $status"
fi

set +e
sh "$here/plot.sh" "$work/a.csv" "$work/plots" >"$work/out" 2>&1
status=$?
set -e
case $status in
0) [ -s "$work/plots/uncontended.svg" ] || fail "no plot" ;;
77) cat "$work/out" ;;
*)
    cat "$work/out"
    fail "plot.sh ended with $status"
    ;;
esac
echo "$lines lines"
