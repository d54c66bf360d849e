#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_gdb.sh PROGRAM LIBRARY SCRIPT WORK_DIR
# Runs PROGRAM in gdb, asks `kslock threads`, `locks` and `waits` there and once more in a
# core file of it. 77: gdb, or what it needs, is not here.
set -eu

program=$1
library=$2
script=$3
work=$4

skip()
{
    echo "skipped: $*"
    exit 77
}

fail()
{
    echo "failed: $*"
    for log in "$work"/*.log; do
        echo "--- $log"
        cat "$log"
    done
    exit 1
}

command -v gdb >/dev/null 2>&1 || skip "there is no gdb"
gdb -nx -q -batch -ex 'python print("has " + "python")' 2>/dev/null | grep -qx 'has python' ||
    skip "this gdb has no Python"

readelf -S "$library" | grep -q '\.debug_info' || skip "the library has no debugging information"

rm -rf "$work"
mkdir -p "$work"
cd "$work"
core=$work/core

KSLOCK='' gdb -nx -q -batch -ex 'set debuginfod enabled off' -ex 'set disable-randomization off' \
    -ex 'handle all nostop noprint pass' \
    -ex 'break scene_ready' -ex run -ex "source $script" -ex 'kslock threads' -ex 'kslock locks' \
    -ex 'kslock waits' -ex "generate-core-file $core" -ex kill "$program" >live.log 2>&1 </dev/null ||
    true
if grep -qi -e 'ptrace: ' -e 'Could not trace' live.log; then
    skip "gdb may not trace here: $(grep -i -m1 -e 'ptrace: ' -e 'Could not trace' live.log)"
fi
grep -q 'Breakpoint 1, ' live.log || fail "the program did not come to its breakpoint"

# The lines that both must have, with ADDRESS and numbers of threads left out.
check() # LOG
{
    sed -e 's/0x[0-9a-f]*/ADDRESS/g' -e 's/thread [0-9]* /thread N /g' "$1" >"$1.plain"
    while IFS= read -r line; do
        grep -qxF -e "$line" "$1.plain" || fail "$1: no line \"$line\""
    done <<LINES
thread N (scene), gdb's 1: in-band, interrupt level 0, priority 7
thread N (closer), gdb's 2: in-band, interrupt level 0, priority 0, asleep
thread N (sleeper), gdb's 3: in-band, interrupt level 0, priority 0, asleep
  waits for sx ADDRESS (scene sx), to share it
  waits for mutex ADDRESS (scene_mutex)
LINES
    for text in "holds rwsem ADDRESS (scene_sem) shared, taken at gdb_scene.c:" \
        "holds mutex ADDRESS (scene_mutex), taken at gdb_scene.c:" \
        "holds sx ADDRESS (scene sx), taken at gdb_scene.c:" \
        "held by thread N (sleeper), gdb's 3 since gdb_scene.c:" \
        "held by thread N (closer), gdb's 2 since gdb_scene.c:" \
        "circle: thread N (closer), gdb's 2 waits for thread N (sleeper), gdb's 3 waits for"; do
        grep -qF -e "$text" "$1.plain" || fail "$1: no \"$text\""
    done
}

check live.log
[ -s "$core" ] || skip "the live program was read; gdb wrote no core file"
gdb -nx -q -batch -ex 'set debuginfod enabled off' -ex "source $script" -ex 'kslock threads' \
    -ex 'kslock locks' -ex 'kslock waits' "$program" "$core" >core.log 2>&1 </dev/null || true
# The kernel's numbers of threads stand in a core file, gdb counts them in its own order.
sed -i -e "s/, gdb's [0-9]*//g" live.log core.log
check_core()
{
    grep -e '^thread ' -e '^  ' -e '^circle' live.log >live.lines
    grep -e '^thread ' -e '^  ' -e '^circle' core.log >core.lines
    cmp -s live.lines core.lines || fail "the core file says something else"
}
check_core

# Without the library there is an answer, too.
gdb -nx -q -batch -ex "source $script" -ex 'kslock threads' >none.log 2>&1 </dev/null || true
grep -q 'kslock: no debugging information of libkslock here' none.log || fail "no message"
rm -f "$core"
echo "live program and core file agree"
