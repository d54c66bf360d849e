#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run_genmc.sh {compile|check} SOURCE_DIR SCENARIOS
# compile: all that GenMC would get passes clang, as LLVM code. check: GenMC, under
# RC11, runs each of the scenarios 0 .. SCENARIOS-1, all without membarrier, which it does
# not know; nor machine code, so the functions are called. 77: a tool is missing.
set -eu
what=$1 root=$2 scenarios=$3

need() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 || {
            echo "skipped: $tool not found"
            exit 77
        }
    done
}
need clang
[ "$what" = compile ] || need genmc llvm-link

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

shipped='wait/lot wait/lot_owner wait/wait wait/lend wait/spin thread/signal diag/slots
    lock/rw lock/rw_convert lock/rw_counted lock/rw_read lock/rw_slots lock/rw_tune lock/rw_write lock/mutex
    lock/rwsem lock/ksem lock/cond lock/stax lock/stax_slots lock/stax_tune lock/stax_wait
    lock/spinlock lock/rwlock lock/event lock/sleepq platform/rawlock'
weak='scenarios scenarios_stax scenarios_turn scenarios_spin scenarios_readers scenarios_sleep scenarios_event env park_genmc run_threads'

# One scenario, linked, in $dir/all.bc if there is a linker.
build() {
    for file in $shipped; do
        echo "src/$file.c"
    done >"$dir/files"
    for file in $weak; do
        echo "tests/weak/$file.c"
    done >>"$dir/files"
    while read -r file; do
        clang -std=gnu11 -O1 -g -Wall -Wextra -Werror -DKSI_TESTING=0 -DKSL_NO_INLINE -DWEAK_GENMC="$1" \
            -I"$root/tests/weak" -I"$root/src" -I"$root/include" \
            -emit-llvm -c "$root/$file" -o "$dir/$(echo "$file" | tr / _).bc"
    done <"$dir/files"
}

i=0
while [ "$i" -lt "$scenarios" ]; do
    build "$i"
    if [ "$what" = check ]; then
        rm -f "$dir/all.bc"
        llvm-link "$dir"/*_*.bc -o "$dir/all.bc"
        genmc --rc11 --unroll=4 --input-from-bitcode-file "$dir/all.bc"
    fi
    i=$((i + 1))
    [ "$what" = check ] || break
done
echo "$what: done"
