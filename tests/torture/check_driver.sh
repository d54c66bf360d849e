#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_driver.sh seed|options[+fault] WORK_DIR TORTURE...
# What the torture driver prints and returns. seed: the seed that was asked for is the one
# that is printed. options: its command line. +fault: faults can be tried in this build;
# then also the seed of a run that has failed, and what --busted hands on.
set -eu

part=$1
work=$2
shift 2
rm -rf "$work"
mkdir -p "$work"
cd "$work"

fail()
{
    echo "failed: $*"
    [ ! -s out ] || { echo "--- stdout"; cat out; }
    [ ! -s err ] || { echo "--- stderr"; cat err; }
    exit 1
}

# expect STATUS COMMAND...: output in the files out and err.
expect()
{
    wanted=$1
    shift
    status=0
    "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$wanted" ] || fail "status $status instead of $wanted: $*"
}

says() # FILE REGULAR-EXPRESSION
{
    grep -q -e "$2" "$1" || fail "no \"$2\" in $1"
}

silent() # FILE
{
    [ ! -s "$1" ] || fail "there is something in $1"
}

# refused MESSAGE OPTION...: status 2, the message, and no run has begun.
refused()
{
    message=$1
    shift
    expect 2 "$@"
    silent out
    says err "$message"
    says err '--help'
}

check_seed()
{
    expect 0 "$@" --lock sx --rounds 5 --seed 7
    [ "$(sed -n 's/^torture: seed \([0-9]*\), 4 threads, .*/\1/p' out)" = 7 ] || fail "seed 7"
    says out '^sx  .* rounds 5, operations '
    # Its writers take slots of readers away, and the driver counts that at the library's points.
    expect 0 "$@" --lock sx --rounds 100
    says out '^sx  .* withdrawals [1-9]'
    expect 0 "$@" --lock park --rounds 1 --seed 18446744073709551615 --threads 16
    says out '^torture: seed 18446744073709551615, 16 threads, '
    expect 0 "$@" --lock park --rounds 1
    first=$(sed -n 's/^torture: seed \([0-9]*\), .*/\1/p' out)
    expect 0 "$@" --lock park --rounds 1
    second=$(sed -n 's/^torture: seed \([0-9]*\), .*/\1/p' out)
    case $first,$second in
    ,* | *, | "$first,$first") fail "without --seed: \"$first\" and \"$second\"" ;;
    esac
}

check_seed_of_failure()
{
    expect 1 "$@" --plant SPINLOCK_NO_EXCLUSION --seed 11
    says out '^torture: seed 11, '
    says err '^torture: FAIL lock=spinlock seed=11 round='
}

check_options()
{
    expect 0 "$@" --help
    silent err
    says out '^usage: torture '
    if awk 'length > 80' out | grep .; then
        fail "long lines"
    fi
    for option in lock seconds rounds seed threads no-inject strangers hang linger plant; do
        says out "^  --$option "
    done
    expect 0 "$@" --list
    says out '^sx  '
    says out '^RW_NO_WAKE$'

    refused 'no row "nonsense"' "$@" --lock nonsense --seed 7
    refused '"nonsense"' "$@" --busted nonsense
    refused '"nonsense"' "$@" --plant nonsense
    refused '"2"' "$@" --threads 2
    refused '"17"' "$@" --threads 17
    refused '"0"' "$@" --rounds 0
    refused '"-1"' "$@" --rounds -1
    refused '"7x"' "$@" --seed 7x
    refused '""' "$@" --seed ''
    refused '"18446744073709551616"' "$@" --seed 18446744073709551616
    refused '"0"' "$@" --seconds 0
    refused '"x"' "$@" --hang x
    refused '"-1"' "$@" --linger -1
    refused 'seconds' "$@" --seconds
    refused 'nonsense' "$@" --nonsense
    refused '"word"' "$@" word
    refused 'lock' "$@" --busted all --lock sx
    refused 'linger' "$@" --busted RW_NO_WAKE --linger 1
    refused 'plant' "$@" --busted RW_NO_WAKE --plant RW_NO_WAKE
}

# What --busted is given reaches the run that it starts.
check_busted()
{
    expect 1 "$@" --busted RW_NO_WAKE --lock irq --rounds 2 --seed 7
    says out '^busted RW_NO_WAKE: SURVIVED .* (seed 7)'
    expect 0 "$@" --busted RW_NO_WAKE --hang 1 --seed 7 --threads 5
    says out '^busted RW_NO_WAKE: killed .*(lock=sx seed=7 .*threads=5: hang: no round ended in 1 s)'
}

case $part in
seed)
    check_seed "$@"
    ;;
seed+fault)
    check_seed "$@"
    check_seed_of_failure "$@"
    ;;
options)
    check_options "$@"
    ;;
options+fault)
    check_options "$@"
    check_busted "$@"
    ;;
*)
    fail "unknown part $part"
    ;;
esac
echo "all is well"
