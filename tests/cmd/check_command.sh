#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_command.sh KSLOCK SOURCE_DIR WORK_DIR VERSION torture=[DRIVER] PROGRAM...
# What the command `kslock` prints and returns. PROGRAM takes locks and exits with 7.
# DRIVER is what KSLOCK_TORTURE names; empty: the command finds that of the build tree.
set -eu

kslock=$1
source=$2
work=$3
version=$4
driver=${5#torture=}
shift 5
sample=$source/sample.json
unset KSLOCK KSLOCK_TRACE_EVENTS KSLOCK_TORTURE || true

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

says() # FILE TEXT
{
    grep -qF -e "$2" "$1" || fail "no \"$2\" in $1"
}

same() # FILE GOLDEN
{
    diff -u "$source/$2" "$1" || fail "$1 is not $2"
}

echo "== report, graph"
expect 0 "$kslock" report "$sample"
same out report.txt
expect 0 "$kslock" report --top=1 "$sample"
says out "Locks, 1 of 3"
says out "Stacks that waited"
expect 0 "$kslock" graph "$sample"
same out graph.dot
cp "$sample" here.json
"$kslock" graph - <here.json >out || fail "stdin"
same out graph.dot

echo "== what the library writes"
theirs=$source/../diag/stats_sample.json
expect 0 "$kslock" report "$theirs"
says out "Stacks that waited"
expect 0 "$kslock" graph "$theirs"
says out ' -> '
expect 0 "$kslock" report "$theirs" --html theirs.html
says theirs.html '<h2>How long it was waited</h2>'
expect 7 "$kslock" run --stats=own.json --order -- "$@"
expect 0 "$kslock" report own.json
says out 'outer "lock"'
expect 0 "$kslock" graph own.json
[ "$(grep -c -e ' -> ' out)" -eq 1 ] || fail "one edge"

echo "== html"
expect 0 "$kslock" report "$sample" --html page.html
[ ! -s out ] || fail "--html prints"
for text in '<!DOCTYPE html>' 'mutex &lt;table&gt; &amp; &quot;co&quot;' 'class="wait"' \
    '21.50 ms' 'prog(scan_all&lt;int&gt;+0x99)' 'spinlock &quot;queue_lock&quot; &lt;&amp;&gt;' \
    '</body></html>'; do
    says page.html "$text"
done
if grep -q -e '<table>' -e '<script' -e '<link' -e 'src=' -e '@import' page.html; then
    grep -n -e '<script' -e '<link' -e 'src=' -e '@import' page.html && fail "the page needs other files"
fi
# Names of XML name spaces and of the document type are no links.
if sed -e 's/xmlns[:a-z]*="[^"]*"//g' -e 's/"http:[^"]*DTD[^"]*"//g' page.html |
    grep -e 'http:' -e 'https:'; then
    fail "the page names other places"
fi
if command -v dot >/dev/null 2>&1; then
    says page.html '<svg width='
    says page.html 'class="graph"'
fi
mkdir -p empty
env PATH="$work/empty" "$kslock" report "$sample" --html - >no_dot.html 2>err || fail "without dot"
says no_dot.html 'Graphviz, which would draw it, was not found.'
says no_dot.html '<td class="place">proc.c:120</td>'
[ ! -s err ] || fail "without dot it complains"

echo "== errors of files"
expect 1 "$kslock" report no-such-file
says err 'kslock: no-such-file: '
printf '{"version": 1,\n "locks": [}\n' >bad.json
expect 1 "$kslock" report bad.json
says err 'kslock: bad.json:2:12: this is no JSON: a value was expected'
: >empty.json
expect 1 "$kslock" graph empty.json
says err 'kslock: empty.json:1:1: this is no JSON: the text ends here'
echo '{"version": 2, "locks": []}' >other.json
expect 1 "$kslock" report other.json
says err 'kslock: other.json: version 2; this command reads version 1'
echo '{"traceEvents": []}' >trace.json
expect 1 "$kslock" report trace.json
says err 'kslock: trace.json: this is no JSON of --stats'
expect 1 "$kslock" graph trace.json
says err 'there is no order graph in it'
expect 1 "$kslock" report "$sample" --html no-such-folder/page.html
says err 'kslock: no-such-folder/page.html: '
expect 1 "$kslock" report empty
says err 'kslock: empty: '
echo '{"version": 1, "locks": []}' >least.json
expect 0 "$kslock" report least.json
expect 0 "$kslock" report least.json --html least.html
says least.html 'No lock was contended.'
if [ -c /dev/full ]; then
    status=0
    "$kslock" report "$sample" >/dev/full 2>err || status=$?
    [ "$status" -eq 1 ] || fail "a full device: $status"
    says err 'standard output cannot be written'
    expect 1 "$kslock" report "$sample" --html /dev/full
fi

echo "== command line"
expect 0 "$kslock" --help
says out 'usage: kslock run'
says out 'kslock torture [OPTION...]'
if awk 'length > 80' out | grep .; then
    fail "long lines"
fi
expect 0 "$kslock" --version
[ "$(cat out)" = "kslock $version" ] || fail "version"
for words in "" "nonsense" "report" "report a b" "report --nonsense a" "report a --html" \
    "report a --top x" "graph" "graph a b" "run" "run --" "run --nonsense true" \
    "run --hang" "run --hang 0 true" "run --hang x true" "run --hang=1.2.3 true" \
    "run --order=1 true" "run --trace= true" "run --trace a,b true" "run --stats=a,b true" \
    "run --trace-events 0 true" "run --trace-events 1.5 true" "run --sample" \
    "run --sample 0 true" "run --sample x true" "run --sample=1.5 true" "run --sample 65537 true"; do
    # shellcheck disable=SC2086
    expect 2 "$kslock" $words
    [ -s err ] || fail "silent: $words"
done

echo "== run"
# shellcheck disable=SC2016
show='echo "${KSLOCK-none} ${KSLOCK_TRACE_EVENTS-none}"'
expect 0 "$kslock" run sh -c "$show"
[ "$(cat out)" = "none none" ] || fail "no options"
KSLOCK=order expect 0 "$kslock" run -- sh -c "$show"
[ "$(cat out)" = "order none" ] || fail "KSLOCK stays"
KSLOCK=order expect 0 "$kslock" run --hang 2.5 --stats -- sh -c "$show"
[ "$(cat out)" = "hang=2.5,stats none" ] || fail "KSLOCK is replaced"
expect 0 "$kslock" run --order --stats=s.json --hang=1 --trace t-%p --trace-events 100 --graph g \
    --report r --suppress s -- sh -c "$show"
[ "$(cat out)" = "order,stats=s.json,hang=1,trace=t-%p,graph=g,report=r,suppress=s 100" ] ||
    fail "all options"
expect 0 "$kslock" run --stats --sample 4 -- sh -c "$show"
[ "$(cat out)" = "stats,sample=4 none" ] || fail "--sample"
expect 0 "$kslock" run --stats true --order
expect 3 "$kslock" run sh -c 'exit 3'
expect 127 "$kslock" run no-such-program
says err 'kslock: no-such-program: '
expect 126 "$kslock" run "$sample"
expect 143 sh -c '"$0" run --order sh -c "kill \$\$"; exit $?' "$kslock"

echo "== run, with the library"
expect 7 "$kslock" run --trace trace.out --graph graph.out -- "$@"
[ ! -s err ] || fail "it reports"
says trace.out '"name":"sx outer \"lock\""'
expect 0 "$kslock" graph graph.out
says out 'label="sx outer \"lock\""'
[ "$(grep -c -e ' -> ' out)" -eq 1 ] || fail "one edge"
expect 7 "$kslock" run --trace no-such-folder/t "$@"
says err 'names no file that can be written'
echo "== torture"
torture()
{
    if [ -n "$driver" ]; then
        KSLOCK_TORTURE=$driver "$kslock" torture "$@"
    else
        "$kslock" torture "$@"
    fi
}
expect 0 torture --list
says out 'exclusion, shares recursed'
expect 0 torture --help
says out 'usage: torture '
expect 0 torture --lock sx --rounds 5 --seed 7
says out 'torture: seed 7, '
grep -q '^sx  .* rounds 5, ' out || fail "no row"
expect 2 torture --lock nonsense --seed 7
says err '"nonsense"'
[ ! -s out ] || fail "a seed before the error"
# The driver's words and its status are handed on as they are.
# shellcheck disable=SC2016
printf '#!/bin/sh\nfor word; do echo "<$word>"; done\nexit 9\n' >driver
chmod +x driver
KSLOCK_TORTURE=$work/driver expect 9 "$kslock" torture --lock "a b" '' -- run
[ "$(tr '\n' ' ' <out)" = "<--lock> <a b> <> <--> <run> " ] || fail "words"
# What the variable names is missing: nothing else is executed in its place.
KSLOCK_TORTURE=$work/no-such-driver expect 127 "$kslock" torture --list
[ ! -s out ] || fail "another driver"
says err "$work/no-such-driver"
says err 'KSLOCK_TESTS=ON'
KSLOCK_TORTURE=driver/within expect 127 "$kslock" torture --list
KSLOCK_TORTURE=$sample expect 126 "$kslock" torture --list
says err "kslock: torture: $sample: "
KSLOCK_TORTURE=$work expect 126 "$kslock" torture --list

# Beside a copy of the command: libexec, and nothing of a build tree in an installation.
# Where it runs through an emulator, /proc/self/exe may be the emulator's.
if [ -z "$(tr -d '\0' <"$kslock" | sed -n '1s/^#!.*/script/p')" ]; then
    mkdir -p "place/bin" "place/tests/torture" "place/libexec/kslock"
    cp "$kslock" place/bin/kslock
    cp driver place/tests/torture/torture
    expect 127 place/bin/kslock torture --list
    says err "$work/place/bin/../libexec/kslock/torture"
    : >place/cmake_install.cmake
    expect 9 place/bin/kslock torture built
    says out '<built>'
    printf '#!/bin/sh\necho installed\n' >place/libexec/kslock/torture
    expect 126 place/bin/kslock torture
    says err 'libexec/kslock/torture: '
    chmod +x place/libexec/kslock/torture
    expect 0 place/bin/kslock torture
    says out 'installed'
    mv place elsewhere
    expect 0 elsewhere/bin/kslock torture
    KSLOCK_TORTURE=$work/driver expect 9 elsewhere/bin/kslock torture
fi
echo "all is well"
