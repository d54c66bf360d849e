#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_helgrind.sh CC SOURCE_DIR LIBRARY WORK_DIR
# A program under helgrind, which does not know the library: with KSLOCK=annotate no false
# report, and a real race is still found; without it what the locks guard is reported (so
# the test sees the difference).
set -eu

cc=$1
source=$2
library=$3
work=$4
here=$source/tests/annotate
mkdir -p "$work"

skip() # WHY
{
    echo "skipped: $1"
    exit 77
}

command -v valgrind >/dev/null 2>&1 || skip "there is no valgrind"
valgrind --tool=helgrind --quiet true >/dev/null 2>&1 || skip "helgrind does not run here"
printf '#include <valgrind/helgrind.h>\n' | "$cc" -E - >/dev/null 2>&1 ||
    skip "the library was built without valgrind's headers"

# helgrind SWITCH PROGRAM [ARG]: what it says goes to the log; 66 if it has found a race
helgrind()
{
    switch=$1
    shift
    KSLOCK=$switch valgrind --tool=helgrind --quiet --error-exitcode=66 --fair-sched=try \
        "--suppressions=$source/cmd/helgrind.supp" "$@" >"$work/log" 2>&1
}

fail() # WHY
{
    cat "$work/log"
    echo "failed: $1"
    exit 1
}

# What the races in the log are about.
raced_for()
{
    sed -n 's/.*inside data symbol "\(.*\)"$/\1/p' "$work/log" | sort -u
}

for name in program program_sx; do
    "$cc" -std=gnu11 -O1 -g -I"$source/include" \
        -I"$source/include/kslock/native/freebsd" "$here/$name.c" "$library" \
        -Wl,-rpath,"$(dirname "$library")" -o "$work/$name" -pthread
    result=0
    helgrind annotate "$work/$name" || result=$?
    if [ $result -ne 0 ] && grep -q 'debuginfo reader' "$work/log"; then
        skip "this valgrind cannot read what $cc writes for debuggers"
    fi
    [ $result -eq 0 ] || fail "$name, annotated, is reported, or went wrong"
    grep -q "^right$" "$work/log" || fail "$name did not run to its end"
    result=0
    helgrind annotate "$work/$name" race || result=$?
    [ $result -eq 66 ] || fail "$name: a race is not reported"
    [ "$(raced_for)" = by_nobody ] || fail "$name: another race is reported"
    result=0
    helgrind "" "$work/$name" || result=$?
    [ $result -eq 66 ] || fail "$name: there is nothing that annotations are needed for"
    raced_for | grep -q -e "^by_mutex$" -e "^entries$" ||
        fail "$name: what a lock guards is not what is reported"
done
echo passed
