#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# expect_fail.sh TEXT COMMAND...
# Passes if the command fails and its output contains TEXT: shows that a
# check catches what it is for.
set -u

text=$1
shift
if output=$("$@" 2>&1); then
    echo "succeeded, but had to fail: $*"
    exit 1
fi
case $output in
*"$text"*) exit 0 ;;
esac
printf 'failed as it had to, but never said "%s":\n%s\n' "$text" "$output"
exit 1
