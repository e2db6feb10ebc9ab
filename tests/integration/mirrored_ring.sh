#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# mirrored_ring.sh PROGRAM: the lines of every kind of file come out numbered and whole, also across the end of the
# ring, and everything else is refused with the reason.
set -eu
. "$(dirname "$0")/../support/skip.sh"
program=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch"

fail() {
    echo "mirrored_ring.sh: $*" >&2
    sed 's/^/errors: /' errors >&2
    exit 1
}

"$program" --help | grep -q '^Usage: mirrored_ring' || fail 'no help'
printf 'x\n' >one
"$program" one >lines 2>errors || ! grep -q 'io_uring' errors || skip "no io_uring here: $(cat errors)"

# numbers FILE [ARGUMENT...]: what comes out is what nl would say.
numbers() {
    file=$1 && shift
    "$program" "$@" "$file" >lines 2>errors || fail "status $? for $file $*"
    awk '{ printf "%6d\t%s\n", NR, $0 }' "$file" >expected
    cmp -s expected lines || fail "wrong lines of $file $*"
}
seq 1 60000 >many
numbers one
numbers many
grep -q ' [1-9][0-9]* of them across the end of the ring' errors || fail 'no read went across the end'
grep -Eq '; [1-9][0-9]* lines across it; two addresses, one page' errors || fail 'no line lay across the end'
numbers many --size 4K
: >empty
numbers empty

head -c 20000 /dev/zero | tr '\0' 'y' >long # longer than the ring: in pieces
"$program" --size 4096 long >lines 2>errors || fail 'a long line'
printf '%6d\t' 1 | cat - long | cmp -s - lines || fail 'a long line is not whole'

# refused STATUS PATTERN ARGUMENT...
refused() {
    wanted=$1 pattern=$2 && shift 2
    status=0
    "$program" "$@" >lines 2>errors || status=$?
    [ "$status" = "$wanted" ] || fail "status $status for: $*"
    grep -q "$pattern" errors || fail "the reason is not '$pattern': $*"
}
refused 1 'No such file' missing
refused 1 'not a regular file' .
refused 2 'one file is needed'
refused 2 'not a power of two' --size 5000 one
refused 2 'is not a number from' --size 1 one
