#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Programs of others with pthread locks and with ours in turn: a table.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=$top/build/release
rounds=9
threads=4
fast=simple

usage()
{
    cat <<EOF
usage: sh bench/real/run.sh [--rounds N] [--threads N] [--fast LOCK] [--build FOLDER]

Installs what is missing (Debian, if it may), builds, runs SQLite, LevelDB and
memcached with pthread locks and with the locks of this library in turn, and prints
a table. Less than three minutes with the default of $rounds rounds.

  --rounds N      rounds; the order changes from one to the next (1 to 99)
  --threads N     threads of each program, clients of memcached (1 to 64; $threads)
  --fast LOCK     what SQLite's fast mutexes are made of: simple (simple locks of AIX,
                  the default) or mutex (mutexes of Stanix)
  --build FOLDER  a build tree to use; default: the release preset

Columns: medians of the rounds. ops/s: operations of all threads (memcached:
requests); p50, p99, p99.9: their times in us (memcached: of 32 requests together);
cpu: processor time of an operation, us (memcached: of the server). Last, ours
divided by theirs, round by round, of which the median, and in brackets the quartiles.

Exit status: 0; 1 if something does not build or a program fails; 2 for a
wrong command line; 3 if nothing to build with is there.
EOF
}

fail()
{
    status=$1
    shift
    printf 'run.sh: %s\n' "$*" >&2
    exit "$status"
}

number() # TEXT LEAST MOST
{
    case $1 in
    '' | *[!0-9]* | ????*) fail 2 "'$1' is not a number from $2 to $3" ;;
    esac
    if [ "$1" -lt "$2" ] || [ "$1" -gt "$3" ]; then
        fail 2 "'$1' is not a number from $2 to $3"
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
    --help | -h)
        usage
        exit 0
        ;;
    --rounds | --threads | --fast | --build)
        [ $# -ge 2 ] || fail 2 "$1 needs a value"
        case $1 in
        --rounds) number "$2" 1 99 && rounds=$2 ;;
        --threads) number "$2" 1 64 && threads=$2 ;;
        --fast)
            case $2 in
            simple | mutex) fast=$2 ;;
            *) fail 2 "--fast wants simple or mutex" ;;
            esac
            ;;
        --build) build=$2 ;;
        esac
        shift 2
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done

# --- packages ---------------------------------------------------------------

missing=
[ -e /usr/include/sqlite3.h ] || missing="$missing libsqlite3-dev"
[ -e /usr/include/leveldb/c.h ] || missing="$missing libleveldb-dev"
command -v memcached >/dev/null 2>&1 || missing="$missing memcached"
for program in cmake ninja pkg-config; do
    command -v $program >/dev/null 2>&1 || missing="$missing $program"
done
pkg-config --exists liburcu-bp 2>/dev/null || missing="$missing liburcu-dev"
missing=$(echo "$missing" | sed 's/ninja/ninja-build/')

as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if [ -n "$missing" ] && command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "run.sh: installing$missing"
    # In run level 1 a new server is not started. The names are separate words.
    # shellcheck disable=SC2086
    { $as_root apt-get -qq update && $as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends $missing; } >/dev/null 2>&1 ||
        echo "run.sh: apt-get could not install$missing"
elif [ -n "$missing" ]; then
    echo "run.sh: missing:$missing (Debian names)"
fi
for program in cmake pkg-config; do
    command -v $program >/dev/null 2>&1 || fail 3 "$program is missing"
done

# --- building ---------------------------------------------------------------

log=$top/build/real.log
mkdir -p "$top/build"
if [ ! -f "$build/CMakeCache.txt" ]; then
    (cd "$top" && cmake --preset release -DKSLOCK_TESTS=OFF) >"$log" 2>&1 ||
        { cat "$log" >&2 && fail 1 "the release preset cannot be configured"; }
fi
if ! { cmake "$build" && cmake --build "$build" --target bench_real; } >"$log" 2>&1; then
    cat "$log" >&2
    fail 1 "bench_real does not build"
fi
bin=$build/bench/real
preload=$bin/libkslock_preload.so

# --- runs -------------------------------------------------------------------

work=
server_a=
server_b=
clean_up()
{
    [ -z "$server_a" ] || kill "$server_a" 2>/dev/null || true
    [ -z "$server_b" ] || kill "$server_b" 2>/dev/null || true
    [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# In memory where that is possible.
work=$(mktemp -d -p /dev/shm kslock.XXXXXX 2>/dev/null || mktemp -d)
results=$work/results
: >"$results"

run_sqlite()
{
    if [ ! -x "$bin/real_sqlite" ]; then
        echo "run.sh: no SQLite (libsqlite3-dev)"
        return 0
    fi
    echo "run.sh: SQLite"
    "$bin/real_sqlite" "$rounds" 0.4 "$threads" "$fast" >>"$results"
}

leveldb() # LOCKS [WORD...]
{
    locks=$1
    shift
    env "$@" "$bin/real_leveldb" "$work/leveldb" "$locks" 1 "$threads" >>"$results"
}

run_leveldb()
{
    if [ ! -x "$bin/real_leveldb" ] || [ ! -f "$preload" ]; then
        echo "run.sh: no LevelDB (libleveldb-dev, glibc on x86-64)"
        return 0
    fi
    echo "run.sh: LevelDB"
    round=0
    while [ $round -lt "$rounds" ]; do
        [ $((round % 2)) -eq 0 ] || leveldb kslock "LD_PRELOAD=$preload"
        leveldb pthread
        [ $((round % 2)) -eq 1 ] || leveldb kslock "LD_PRELOAD=$preload"
        round=$((round + 1))
    done
    rm -rf "$work/leveldb"
}

start_server() # SOCKET [WORD...]; the process is $!
{
    socket=$1
    shift
    user=
    [ "$(id -u)" -ne 0 ] || user="-u root"
    # shellcheck disable=SC2086
    env "$@" memcached $user -s "$socket" -t "$threads" -m 64 >/dev/null 2>&1 &
}

await_socket() # SOCKET
{
    tries=0
    while [ ! -S "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail 1 "memcached does not start"
        sleep 0.1
    done
}

load()
{
    case $1 in
    pthread) "$bin/real_memcached" "$work/a" "$server_a" pthread 1 "$threads" >>"$results" ;;
    kslock) "$bin/real_memcached" "$work/b" "$server_b" kslock 1 "$threads" >>"$results" ;;
    esac
}

run_memcached()
{
    if ! command -v memcached >/dev/null 2>&1 || [ ! -f "$preload" ]; then
        echo "run.sh: no memcached (memcached, glibc on x86-64)"
        return 0
    fi
    echo "run.sh: memcached"
    start_server "$work/a"
    server_a=$!
    start_server "$work/b" "LD_PRELOAD=$preload"
    server_b=$!
    await_socket "$work/a"
    await_socket "$work/b"
    round=0
    while [ $round -lt "$rounds" ]; do
        [ $((round % 2)) -eq 0 ] || load kslock
        load pthread
        [ $((round % 2)) -eq 1 ] || load kslock
        round=$((round + 1))
    done
}

run_sqlite
run_leveldb
run_memcached
echo "run.sh: $rounds rounds, $threads threads, $(nproc 2>/dev/null || echo '?') processors, load average $(cut -d' ' -f1 /proc/loadavg)"
awk -f "$top/bench/real/table.awk" "$results"
