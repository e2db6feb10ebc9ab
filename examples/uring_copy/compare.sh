#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# compare.sh URING_COPY SOURCE FOLDER [ROUNDS]: copies a file into the folder with uring_copy, dd and cp, in turn, so that
# what slows the disk down meets all of them, and prints the median of what each took. A copy is over when it is on the
# disk, and each begins without the source in the page cache. The copies are compared with the source, and removed.
set -euo pipefail
program=$1 source=$2 folder=$3 rounds=${4:-5}
export LC_ALL=C
work=$(mktemp -d "$folder/compare.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

direct=(iflag=direct oflag=direct)
dd if="$source" of="$work/copy" bs=1M count=1 "${direct[@]}" status=none 2>/dev/null || direct=()

# copy COMMAND...: as a person types it, less the names.
copy() {
    case $1 in
        uring_copy) "$program" "${@:2}" "$source" "$work/copy" >/dev/null ;;
        dd) "$@" if="$source" of="$work/copy" status=none ;;
        cp) cp "$source" "$work/copy" && sync "$work/copy" ;;
    esac
}

# measure COMMAND...: adds a line "COMMAND|seconds|seconds of a processor, user|system".
measure() {
    rm -f "$work/copy"
    sync "$folder"
    dd if="$source" iflag=nocache count=0 status=none # the kernel forgets what it has of it
    TIMEFORMAT="$*|%3R|%3U|%3S"
    { time copy "$@" 2>"$work/errors"; } 2>>"$work/measured" || { cat "$work/errors" >&2 && exit 1; }
    cmp "$source" "$work/copy"
}

for ((round = 0; round < rounds; round++)); do
    measure uring_copy
    measure uring_copy --plain
    measure uring_copy --memory small
    measure uring_copy --memory small --plain
    measure dd bs=1M "${direct[@]}" conv=fsync
    measure cp
done

# Of lines "COMMAND|number" those in the middle, one for each command, the smallest first.
medians() { sort -t '|' -n -k 2 | awk -F '|' -v middle=$(((rounds + 1) / 2)) '++seen[$1] == middle'; }

medians <"$work/measured" >"$work/wall"
awk -F '|' '{ printf "%s|%.3f\n", $1, $3 + $4 }' "$work/measured" | medians >"$work/processor"
awk -F '|' -v bytes="$(stat -L -c %s "$source")" -v rounds="$rounds" '
function change(of, by) { return by > 0 ? sprintf("%+.0f %%", 100 * of / by - 100) : "too little to measure" }
FILENAME ~ /processor$/ { processor[$1] = $2; next }
FNR == 1 { printf "%-46s %7s %7s %7s\n", "median of " rounds, "MiB/s", "wall s", "CPU s" }
{ printf "%-46s %7.1f %7.3f %7.3f\n", $1, bytes / 1048576 / $2, $2, processor[$1]; wall[$1] = $2 }
END {
    small = "uring_copy --memory small"
    print "Registered buffers against --plain: CPU " change(processor[small], processor[small " --plain"]) \
        " in pages of 4 KiB, " change(processor["uring_copy"], processor["uring_copy --plain"]) \
        " in huge pages, of which there is little\nto pin; time " change(wall["uring_copy"], wall["uring_copy --plain"]) \
        ", which the disk decides."
}' "$work/processor" "$work/wall"
