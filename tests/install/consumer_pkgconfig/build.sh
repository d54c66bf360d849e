#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh CC CXX OUT FLAGS [--static]
# Builds against what pkg-config says, as a user's makefile would. FLAGS go to every
# compilation; PKG_CONFIG_PATH is set by the caller.
set -eu

cc=$1
cxx=$2
out=$3
flags=$4
static=${5:-}
here=$(dirname -- "$0")/..

core="$flags $(pkg-config --cflags kslock)"
kernel="$flags $(pkg-config --cflags kslock-stanix)"
freebsd="$flags -std=c11 $(pkg-config --cflags kslock-freebsd)"
evl="$flags -std=c11 $(pkg-config --cflags kslock-evl)"
aix="$flags -std=c11 $(pkg-config --cflags kslock-aix)"
# shellcheck disable=SC2086
core_libs="$flags $(pkg-config $static --libs kslock)"
# shellcheck disable=SC2086
kernel_libs="$flags $(pkg-config $static --libs kslock-stanix)"
# shellcheck disable=SC2086
freebsd_libs="$flags $(pkg-config $static --libs kslock-freebsd)"
# shellcheck disable=SC2086
evl_libs="$flags $(pkg-config $static --libs kslock-evl)"
# shellcheck disable=SC2086
aix_libs="$flags $(pkg-config $static --libs kslock-aix)"

mkdir -p "$out"
# Each variable holds several words.
# shellcheck disable=SC2086
{
    "$cc" $core -o "$out/consumer_core" "$here/consumer_core.c" $core_libs
    "$cc" $freebsd -o "$out/consumer_freebsd" "$here/consumer_freebsd.c" $freebsd_libs
    "$cc" $evl -o "$out/consumer_evl" "$here/consumer_evl.c" $evl_libs
    "$cc" $aix -o "$out/consumer_aix" "$here/consumer_aix.c" $aix_libs
    "$cc" $kernel -c -o "$out/main.o" "$here/consumer_main.c"
    "$cc" $kernel -c -o "$out/kernel_c.o" "$here/consumer_kernel.c"
    "$cxx" -std=c++17 $kernel -c -o "$out/kernel_cpp.o" "$here/consumer_kernel.cpp"
    "$cxx" -o "$out/consumer_kernel" "$out/main.o" "$out/kernel_c.o" "$out/kernel_cpp.o" \
        $kernel_libs
}
