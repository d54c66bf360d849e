#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run_model.sh COMPILER MODEL {good|big|fault} FLAGS...
# Each FLAGS, one word of -D options, is one search of the model: after `good` it
# must be complete and find no error, after `fault` it must find one. `big` is `good`
# with so many states that an optimised verifier pays.
set -eu

for tool in spin "$1"; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "skipped: $tool not found"
        exit 77
    }
done
compiler=$1
model=$2
shift 2

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"

fail() {
    echo "$what: $1"
    cat log
    exit 1
}

# Leaves the verifier's report in log.
search() {
    rm -f pan.* ./*.trail
    # shellcheck disable=SC2086 # options are separate words
    spin -a $1 "$model" >log 2>&1 && [ -f pan.c ] || fail "the model is not accepted"
    level=-O0 # a short search, soon compiled
    [ "$kind" != big ] || level=-O1
    "$compiler" $level -w -DSAFETY -DMEMLIM=1000 -o pan pan.c >log 2>&1 || fail "pan.c does not compile"
    ./pan -m100000 -w22 >log 2>&1 || fail "the verifier broke off"
}

kind=
for flags; do
    case $flags in
    good | big | fault)
        kind=$flags
        continue
        ;;
    esac
    what="$(basename "$model") $flags"
    search "$flags"
    if [ "$kind" != fault ]; then
        grep -q 'errors: 0$' log || fail "errors found"
        ! grep -Eq 'depth too small|not completed|out of memory|memory limit' log ||
            fail "the search is not complete"
    else
        grep -Eq 'pan:[0-9]*: *(assertion violated|invalid end state)' log || fail "the fault is not found"
    fi
    awk -v what="$what" -v kind="$kind" '
        /^pan:[0-9]*: / { error = $0 }
        /depth reached/ { split($0, part, "depth reached "); depth = part[2] + 0 }
        /states, stored/ { states = $1 }
        END { printf "%s: %s: %d states, depth %d %s\n", kind, what, states, depth, error }' log
done
[ -n "$kind" ]
