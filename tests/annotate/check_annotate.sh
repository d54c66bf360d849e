#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_annotate.sh CC SOURCE_DIR LIBRARY WORK_DIR
# A program with ThreadSanitizer, the library without: no false report with KSL_ANNOTATE, a
# real race is still found, and without annotations there are false reports (so the test
# sees the difference).
set -eu

cc=$1
source=$2
library=$3
work=$4
here=$source/tests/annotate
mkdir -p "$work"

build() # NAME FLAGS...
{
    name=$1
    shift
    "$cc" -std=gnu11 -O1 -g -fsanitize=thread "$@" -I"$source/include" \
        -I"$source/include/kslock/native/freebsd" "$here/$name.c" "$library" \
        -Wl,-rpath,"$(dirname "$library")" -o "$work/$name$suffix" -pthread
}

suffix=_try
if ! build program >"$work/build.log" 2>&1; then
    echo "skipped: this compiler has no ThreadSanitizer"
    exit 77
fi
export TSAN_OPTIONS="exitcode=66 halt_on_error=0"
# Randomised memory layouts that the sanitizer does not know.
run="setarch -R"
$run true 2>/dev/null || run=
if ! $run "$work/program_try" >"$work/try.log" 2>&1 && grep -q "FATAL" "$work/try.log"; then
    echo "skipped: ThreadSanitizer does not run here"
    exit 77
fi

for name in program program_sx; do
    suffix=_annotated
    build "$name" -DKSL_ANNOTATE=1
    $run "$work/${name}_annotated" >"$work/log" 2>&1 || {
        cat "$work/log"
        echo "failed: $name, annotated, is reported"
        exit 1
    }
    if $run "$work/${name}_annotated" race >"$work/log" 2>&1; then
        echo "failed: $name: a race is not reported"
        exit 1
    fi
    grep -q "by_nobody" "$work/log" || {
        cat "$work/log"
        echo "failed: $name: another race is reported"
        exit 1
    }
done
# The inlined paths of sx are seen by the sanitizer; the calls of program.c are not.
if $run "$work/program_try" >"$work/log" 2>&1; then
    echo "failed: there is nothing that annotations are needed for"
    exit 1
fi
echo passed
