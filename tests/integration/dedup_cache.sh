#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# dedup_cache.sh PROGRAM: equal blocks share a page, what is written through one name changes no other, and everything
# that cannot be done is refused with the reason.
set -eu
. "$(dirname "$0")/../support/skip.sh"
program=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch"

fail() {
    echo "dedup_cache.sh: $*" >&2
    for file in summary errors; do
        if [ -s "$file" ]; then sed "s/^/$file: /" "$file" >&2; fi
    done
    exit 1
}
run() {
    wanted=$1 && shift
    status=0
    "$program" "$@" >summary 2>errors || status=$?
    [ "$status" = "$wanted" ] || fail "status $status, not $wanted: $*"
}
says() { grep -Eq "$1" summary || fail "the summary lacks: $1"; }

run 0 --help
says '^Usage: dedup_cache'

# Three files with a part in common: 64 blocks and 8 of their own, the last one 1000 bytes long.
seq 1 100000 | head -c 262144 >common
for name in a b c; do
    { cat common && seq -f "$name %g" 1 10000 | head -c 29672; } >"$name"
    cp "$name" "$name.before"
done
"$program" a >summary 2>errors || ! grep -q 'io_uring' errors || skip "no io_uring here: $(cat errors)"

run 0 --verify a b c
says '^names   216 blocks of 4 KiB'
says '^verify  all 216 names'
awk '/^pages/ { pages = $2 + 0 } /^saved/ { saved = $2 } END { exit !(pages <= 88 && saved == (216 - pages) * 4096) }' \
    summary || fail 'equal blocks do not share their pages'

run 0 --write CHANGED a b c
says ' changed, [1-9][0-9]* other names keep the old content'
for name in a b c; do cmp -s "$name" "$name.before" || fail "$name was changed without --save"; done

run 0 --write CHANGED --save a b c
says '^save    1 block of .a. written: 4096 bytes from byte [0-9]* on'
grep -q CHANGED a || fail 'the change was not saved'
[ "$(wc -c <a)" = "$(wc -c <a.before)" ] || fail 'the file has another length'
[ "$(cmp -l a a.before | wc -l)" -le 7 ] || fail 'more was changed than was written'
for name in b c; do cmp -s "$name" "$name.before" || fail "$name changed with another name"; done

run 0 --verify --pages 16 a b c # far fewer pages than blocks
says '^pages   .* evicted'
run 0 --verify --block 64K a b c

# What is saved ends where the file ends, and that is said.
printf abc >short
run 0 --write CHANGED --save short
says '^save    1 block of .short. written: 3 bytes from byte 0 on'
says '^save    4 bytes of the text not written'
[ "$(cat short)" = CHA ] || fail 'the file has another content'

# A cache in which no page is free when one is to be copied: a block, the same again, and new ones enough.
for block in $(seq 10 42) $(seq 42 62); do yes "$block" | head -c 4096; done >full
run 0 --pages 32 --write CHANGED full
says '^pool    32 pages, 0 free'
says ' changed, 1 other names keep the old content'

# More equal blocks than names of one page can be counted: the block is kept once more.
many=$(mktemp /dev/shm/dedup_cache.XXXXXX 2>/dev/null) || many=$scratch/many # where holes are read at once
trap 'rm -rf "$scratch" "$many"' EXIT
truncate -s 4104M "$many"
run 0 "$many"
says '^names   1050624 blocks'
says '^pages   3, 0 evicted'
rm "$many"

: >empty
run 0 --verify empty
says '^names   0 blocks'
run 1 missing
grep -q 'No such file' errors || fail 'no reason for a missing file'
run 1 .
run 2
run 2 --save a
run 2 --block 5000 a
run 2 --pages 1 a
