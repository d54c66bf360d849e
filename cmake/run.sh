#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs what is missing, builds, and tests, demonstrates or measures.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
default_presets="dev clang asan tsan pthread arm64"
other_presets="release coverage fuzz helgrind memcheck tsan-clang"

usage()
{
    cat <<EOF
usage: sh cmake/run.sh COMMAND

  test [PRESET...]  build and run the default test suite in each preset
                    (default: $default_presets);
                    stops at the first preset that fails; last line:
                    "N passed, N failed". Others:
                    $other_presets.
                    Without PRESET, arm64 is left out with a message where its
                    packages cannot be installed
  coverage          run the default test suite in the preset coverage; print the
                    line and branch coverage of each floor and of all
  demo [FILE]       build the release preset and run the demo driver on FILE,
                    or on texts of this system
  bench [ARG...]    build the release preset and run the benchmarks: without
                    arguments the short set, a few minutes (bench --help lists
                    the arguments, bench/README.md explains them); JSON, CSV
                    and plots go to build/release/bench/results
  help              this text

On Debian, packages that a command needs are installed with apt-get if they
are missing. Those of arm64 need "dpkg --add-architecture arm64", which is undone
if they cannot be had. Exit status: that of the program run; 1 if a test or a build
failed; 2 for a wrong command line; 3 if something is missing and may not be
installed.
EOF
}

fail()
{
    status=$1
    shift
    printf 'run.sh: %s\n' "$*" >&2
    exit "$status"
}

jobs()
{
    nproc 2>/dev/null || echo 2
}

# --- packages -------------------------------------------------------------

missing=
added= # not empty while an architecture was added of which nothing is installed yet

need_program() # PROGRAM PACKAGE
{
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need_module() # PKG-CONFIG-MODULE PACKAGE
{
    pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}

need_libc_headers()
{
    for dir in /usr/include /usr/local/include; do
        [ ! -e "$dir/pthread.h" ] || return 0
    done
    missing="$missing libc6-dev"
}

need_build()
{
    need_program gcc gcc
    need_program g++ g++
    need_libc_headers
    need_program cmake cmake
    need_program ninja ninja-build
    need_program pkg-config pkg-config
    need_module liburcu-bp liburcu-dev
}

# The cross compilers, the emulator, and libraries of the other architecture.
need_arm64()
{
    need_program aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    need_program aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
    need_program qemu-aarch64 qemu-user
    lib=/usr/lib/aarch64-linux-gnu
    [ -e "$lib/pkgconfig/liburcu-bp.pc" ] || missing="$missing liburcu-dev:arm64"
    [ -e "$lib/pkgconfig/check.pc" ] || missing="$missing check:arm64"
    [ -e "$lib/libstdc++.so.6" ] || missing="$missing libstdc++6:arm64"
}

need_tests() # PRESET...
{
    need_module check check
    need_program strace strace
    for preset in "$@"; do
        case $preset in
        clang | fuzz | tsan-clang) need_program clang clang ;;
        dev) need_program spin spin ;;
        helgrind | memcheck) need_program valgrind valgrind ;;
        arm64) need_arm64 ;;
        esac
    done
}

apt_get()
{
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get -qq "$@"
    else
        sudo DEBIAN_FRONTEND=noninteractive apt-get -qq "$@"
    fi
}

dpkg_as_root() # ARG...
{
    if [ "$(id -u)" -eq 0 ]; then
        dpkg "$@"
    else
        sudo dpkg "$@"
    fi
}

# An architecture whose packages cannot be had would make each later apt-get update fail.
take_architecture_back()
{
    [ -n "$added" ] || return 0
    added=
    # Where packages of it were installed all the same, in part, it can be had; it stays.
    if dpkg-query -W -f '${Package}:${Architecture}\n' | grep -q ':arm64$'; then
        return 0
    fi
    dpkg_as_root --remove-architecture arm64 || :
    apt_get update >/dev/null || :
}

may_install()
{
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo >/dev/null 2>&1 || return 1
    sudo -n true 2>/dev/null || [ -t 0 ]
}

# What somebody who may install types.
install_command()
{
    case $missing in
    *:arm64*) printf 'dpkg --add-architecture arm64 && apt-get update && ' ;;
    esac
    echo "apt-get install$missing"
}

install_missing()
{
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        fail 3 "missing:$missing (Debian names); there is no apt-get here, install them yourself"
    may_install ||
        fail 3 "missing:$missing; not root and no sudo, run as root: $(install_command)"
    echo "run.sh: installing$missing"
    case $missing in
    *:arm64*)
        if ! { dpkg --print-architecture; dpkg --print-foreign-architectures; } |
            grep -qx arm64; then
            dpkg_as_root --add-architecture arm64 || fail 3 "no arm64 packages: dpkg refuses"
            added=yes
            trap take_architecture_back EXIT
            trap 'exit 1' HUP INT TERM
        fi
        ;;
    esac
    # One source out of order does not matter where the others have the packages, except
    # with an architecture that is new: it is to leave apt-get update as it was.
    # The names in $missing are separate words.
    # shellcheck disable=SC2086
    if ! { apt_get update >/dev/null || [ -z "$added" ]; } ||
        ! apt_get install -y --no-install-recommends $missing >/dev/null; then
        fail 3 "apt-get could not install$missing"
    fi
    added=
    missing=
}

# --- building -------------------------------------------------------------

# A tree that was configured for another place is of no use.
drop_foreign_tree() # PRESET
{
    cache=$top/build/$1/CMakeCache.txt
    [ -f "$cache" ] || return 0
    if ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$top" "$cache" ||
        ! grep -qxF "CMAKE_CACHEFILE_DIR:INTERNAL=$top/build/$1" "$cache"; then
        rm -rf "$top/build/$1"
    fi
}

configure() # PRESET [CMAKE-ARG...]
{
    drop_foreign_tree "$1"
    had_tree=no
    [ ! -d "$top/build/$1" ] || had_tree=yes
    (cd "$top" && cmake --preset "$@") && return 0
    # What an earlier run left may be the cause: another compiler, say.
    [ $had_tree = yes ] || return 1
    echo "run.sh: configuring $1 afresh"
    rm -rf "$top/build/$1"
    (cd "$top" && cmake --preset "$@")
}

build() # PRESET [ARG...]
{
    preset=$1
    shift
    (cd "$top" && cmake --build --preset "$preset" -j "$(jobs)" "$@")
}

# --- commands -------------------------------------------------------------

passed=0
failed=0

# Adds the numbers of ctest's closing lines to passed and failed.
count_tests() # LOG
{
    counts=$(awk '
        / tests passed, .* tests? failed out of / {
            for (i = 2; i <= NF; i++) {
                if ($i == "failed" || $(i + 1) == "failed") continue
                if ($(i + 1) ~ /^tests?$/ && $(i + 2) == "failed") bad = $i
            }
            all = $NF
        }
        /^[ \t]*[0-9]+ - .* \((Skipped|Disabled)\)/ { skipped++ }
        END { print all - bad - skipped, bad + 0, skipped + 0 }' "$1")
    # shellcheck disable=SC2086
    set -- $counts
    passed=$((passed + $1))
    failed=$((failed + $2))
    [ "$3" -eq 0 ] || echo "run.sh: $3 tests skipped"
}

test_preset() # PRESET; 0 if all its tests passed
{
    preset=$1
    echo "run.sh: === $preset ==="
    if ! configure "$preset" || ! build "$preset"; then
        echo "run.sh: preset $preset does not build"
        failed=$((failed + 1))
        return 1
    fi
    log=$top/build/$preset/ctest.log
    status_file=$top/build/$preset/ctest.status
    {
        (cd "$top" && ctest --preset "$preset") && echo 0 >"$status_file" || echo 1 >"$status_file"
    } 2>&1 | tee "$log"
    before=$failed
    count_tests "$log"
    [ "$(cat "$status_file")" -eq 0 ] && return 0
    [ "$failed" -gt "$before" ] || failed=$((failed + 1))
    return 1
}

# Takes arm64 from the default presets if what it needs cannot be installed.
try_arm64()
{
    missing=
    need_arm64
    [ -n "$missing" ] || return 0
    mkdir -p "$top/build"
    log=$top/build/arm64-packages.log
    # An interrupt ends a pipe's reader too, and writing to the pipe would then end the
    # clean-up; so the messages go to a file, and this shell waits for the clean-up.
    trap 'exit 1' HUP INT TERM
    (install_missing) 2>"$log" || :
    trap - HUP INT TERM
    why=$(sed -n 's/^run\.sh: //p' "$log" | tail -n 1)
    missing=
    need_arm64
    [ -n "$missing" ] || return 0
    missing=
    default_presets=${default_presets% arm64}
    echo "run.sh: without the preset arm64: ${why:-its packages are missing}"
}

run_test()
{
    if [ $# -eq 0 ]; then
        need_build
        # shellcheck disable=SC2086
        need_tests ${default_presets% arm64}
        install_missing
        try_arm64
        # shellcheck disable=SC2086
        set -- $default_presets
    fi
    for preset in "$@"; do
        case " $default_presets $other_presets " in
        *" $preset "*) ;;
        *) fail 2 "unknown preset '$preset'" ;;
        esac
    done
    need_build
    need_tests "$@"
    install_missing
    status=0
    for preset in "$@"; do
        test_preset "$preset" || {
            status=1
            break
        }
    done
    echo "$passed passed, $failed failed"
    exit $status
}

# Builds one target of the release preset; prints the log only if that fails.
build_release() # TARGET
{
    need_build
    install_missing
    mkdir -p "$top/build"
    log=$top/build/release.log
    if ! { configure release -DKSLOCK_TESTS=OFF && build release --target "$1"; } >"$log" 2>&1; then
        cat "$log" >&2
        fail 1 "the release preset does not build"
    fi
}

run_coverage()
{
    need_build
    need_tests coverage
    install_missing
    # Counts of an earlier run.
    [ ! -d "$top/build/coverage" ] || find "$top/build/coverage" -name '*.gcda' -exec rm {} +
    status=0
    test_preset coverage || status=1
    echo "$passed passed, $failed failed"
    cmake --build "$top/build/coverage" --target coverage || status=1
    exit $status
}

run_demo()
{
    build_release demo_driver
    exec "$top/build/release/examples/demo_driver" "$@"
}

# What makes a benchmark better, but is not needed: peers, and a program that draws.
want_bench_extras()
{
    command -v apt-get >/dev/null 2>&1 && may_install || return 0
    need_program gnuplot gnuplot-nox
    need_program valgrind valgrind
    for package in libnsync-dev libck-dev libabsl-dev libtbb-dev; do
        dpkg-query -W "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    (install_missing) || echo "run.sh: going on without$missing"
    missing=
}

# What the arguments of the benchmark ask for: "nothing" to measure, figures that go to
# files that they "name", or figures to "keep".
bench_purpose() # [ARG...]
{
    purpose=keep
    for arg in "$@"; do
        case $arg in
        --help | --list | --counts | --compare | --pairs | --pairs=*) purpose=nothing ;;
        --json | --json=* | --csv | --csv=*) [ $purpose = nothing ] || purpose=name ;;
        esac
    done
    echo $purpose
}

run_bench()
{
    bench=$top/build/release/bench/kslock_bench
    purpose=$(bench_purpose "$@")
    [ "$purpose" = nothing ] || want_bench_extras
    build_release kslock_bench
    [ "$purpose" = keep ] || exec "$bench" "$@"
    results=$top/build/release/bench/results
    mkdir -p "$results"
    for file in bench.json bench.csv; do
        [ ! -f "$results/$file" ] || mv "$results/$file" "$results/old-$file"
    done
    status=0
    "$bench" --json "$results/bench.json" --csv "$results/bench.csv" "$@" || status=$?
    [ $status -le 1 ] || exit $status
    sh "$top/bench/plot.sh" "$results/bench.csv" "$results" || [ $? -eq 77 ] ||
        echo "run.sh: the plots could not be drawn"
    echo "run.sh: all figures are in $results"
    exit $status
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
test) run_test "$@" ;;
demo) run_demo "$@" ;;
bench) run_bench "$@" ;;
coverage) run_coverage ;;
help | -h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
