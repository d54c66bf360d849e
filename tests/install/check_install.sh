#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_install.sh CMAKE BUILD_DIR SOURCE_DIR WORK_DIR CC CXX flags=FLAGS LIBDIR BINDIR
#     LIBEXECDIR [LAUNCHER...]
# Installs into WORK_DIR, moves the result elsewhere, and builds and runs the consumers
# against it by find_package and by pkg-config, shared and static.
set -eu

cmake=$1
build=$2
source=$3
work=$4
cc=$5
cxx=$6
flags=${7#flags=}
libdir=$8
bindir=$9
libexecdir=${10}
shift 10

step()
{
    echo "== $*"
}

fail()
{
    echo "failed: $*"
    exit 1
}

rm -rf "$work"
mkdir -p "$work"

step install
"$cmake" --install "$build" --prefix "$work/first" --strip >"$work/install.log" ||
    fail "$(cat "$work/install.log")"

step "installed files"
[ -L "$work/first/$libdir/libkslock.so" ] || fail "no libkslock.so"
[ -e "$work/first/$libdir/libkslock.so.0" ] || fail "no libkslock.so.0"
[ -e "$work/first/$libdir/libkslock.a" ] || fail "no libkslock.a"
for file in kslock-gdb.py helgrind.supp; do
    [ -s "$work/first/share/kslock/$file" ] || fail "no share/kslock/$file"
done
[ -x "$work/first/$libexecdir/kslock/torture" ] || fail "no torture driver"
if find "$work/first" -name '*testing*' | grep .; then
    fail "the testing library is installed"
fi
# Debug information aside (strip leaves it in the archive), and instrumentation,
# which records source paths.
if grep -rlF -e "$build" -e "$source/" --include='*.cmake' --include='*.pc' --include='*.h' \
    "$work/first"; then
    fail "a path of the build machine is in these files"
fi
if [ -z "$flags" ] && grep -lF -e "$build" -e "$source/" "$work/first/$libdir/libkslock.so"; then
    fail "a path of the build machine is in the library"
fi
if [ -z "$flags" ] && grep -lF -e "$build" -e "$source/" "$work/first/$bindir/kslock" \
    "$work/first/$libexecdir/kslock/torture"; then
    fail "a path of the build machine is in the command"
fi

# The package has to work wherever it is moved.
mv "$work/first" "$work/prefix"
prefix=$work/prefix

step "kslock torture"
# Sanitizers need words before the name of their program; the command hands on what they set.
unset KSLOCK KSLOCK_TORTURE || true
"$@" "$prefix/$bindir/kslock" torture --list >"$work/list" || fail "kslock torture --list"
grep -q '^sx  *exclusion' "$work/list" || fail "no row in $(cat "$work/list")"
"$@" "$prefix/$bindir/kslock" torture --lock sx --rounds 5 --seed 7 >"$work/sx" || fail "a row"
grep -q '^torture: seed 7, ' "$work/sx" || fail "no seed in $(cat "$work/sx")"
mv "$prefix/$libexecdir/kslock/torture" "$work/taken"
status=0
"$@" "$prefix/$bindir/kslock" torture --list >"$work/list" 2>&1 || status=$?
[ "$status" -eq 127 ] || fail "without a driver: status $status, $(cat "$work/list")"
grep -qF "/kslock/torture" "$work/list" || fail "where was it looked for? $(cat "$work/list")"
mv "$work/taken" "$prefix/$libexecdir/kslock/torture"

step "find_package"
"$cmake" -S "$source/tests/install/consumer_cmake" -B "$work/cmake" -G Ninja \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_C_FLAGS="$flags" \
    -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log" ||
    fail "$(cat "$work/cmake.log")"
"$cmake" --build "$work/cmake" >"$work/build.log" || fail "$(cat "$work/build.log")"
for target in stanix stanix_static freebsd freebsd_static evl evl_static aix aix_static \
    kslock kslock_static; do
    "$@" "$work/cmake/consumer_$target" || fail "consumer_$target"
done

PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig
LD_LIBRARY_PATH=$prefix/$libdir
export PKG_CONFIG_PATH LD_LIBRARY_PATH

step "pkg-config, shared"
sh "$source/tests/install/consumer_pkgconfig/build.sh" "$cc" "$cxx" "$work/shared" "$flags" ||
    fail "build"
for program in consumer_core consumer_kernel consumer_freebsd consumer_evl consumer_aix; do
    "$@" "$work/shared/$program" || fail "$program"
    readelf -d "$work/shared/$program" | grep -qF 'libkslock.so.0' || fail "$program is not shared"
done

step "pkg-config, static"
rm "$prefix/$libdir"/libkslock.so*
sh "$source/tests/install/consumer_pkgconfig/build.sh" "$cc" "$cxx" "$work/static" "$flags" \
    --static || fail "build"
for program in consumer_core consumer_kernel consumer_freebsd consumer_evl consumer_aix; do
    "$@" "$work/static/$program" || fail "$program"
done

# Instrumented programs cannot be linked without any shared library.
if [ -z "$flags" ]; then
    step "pkg-config, no shared library at all"
    sh "$source/tests/install/consumer_pkgconfig/build.sh" "$cc" "$cxx" "$work/all_static" \
        -static --static || fail "build"
    for program in consumer_core consumer_kernel consumer_freebsd consumer_evl consumer_aix; do
        "$work/all_static/$program" || fail "$program"
    done
fi
