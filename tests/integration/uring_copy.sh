#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# uring_copy.sh PROGRAM: copies of every kind of file are right, everything else is refused with the reason, and
# neither leaves anything behind.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cp "$1" "$scratch/uring_copy" # where another user can run it
chmod 755 "$scratch"
cd "$scratch"
program=$scratch/uring_copy
mkdir out

fail() {
    echo "uring_copy.sh: $*" >&2
    for file in summary errors; do
        if [ -s "$file" ]; then sed "s/^/$file: /" "$file" >&2; fi
    done
    exit 1
}

# not_tried REASON: the rest of the test goes on.
not_tried() {
    [ "${GUP_TEST_REQUIRE:-}" != 1 ] || fail "must be tried here: $*"
    echo "SKIPPED: $*"
}

# run STATUS COMMAND...: stdout goes to the file summary, stderr to the file errors.
run() {
    wanted=$1 && shift
    status=0
    "$@" >summary 2>errors || status=$?
    [ "$status" = "$wanted" ] || fail "$* gave status $status, not $wanted"
    if grep 'stay pinned' errors >&2; then fail "$* leaked pages"; fi
}

nothing_left() {
    if find . -name '.uring_copy.*' | grep .; then fail "a temporary file was left by: $*"; fi
    [ ! -s summary ] || awk '/^pool/ { all = $2 > 0 && $2 == $7 } END { exit !all }' summary ||
        fail "not all pages are free at the end of: $*"
}

# copy ARGUMENT...: must succeed in silence.
copy() {
    run 0 "$program" "$@"
    [ ! -s errors ] || fail "a copy succeeded, but stderr is not empty: $*"
    grep -q ' 0 failed' summary || fail "a copy succeeded, but its summary has failures: $*"
    nothing_left "$@"
}

# refuse PATTERN ARGUMENT...: must fail for this reason.
refuse() {
    pattern=$1 && shift
    run 1 "$program" "$@"
    grep -Eq "^uring_copy: .*$pattern" errors || fail "the reason of the failure is not '$pattern': $*"
    nothing_left "$@"
}

# reject PATTERN ARGUMENT...: must be a wrong command line.
reject() {
    pattern=$1 && shift
    run 2 "$program" "$@"
    grep -q -- "$pattern" errors || fail "the command line is not rejected with '$pattern': $*"
    grep -q -- --help errors || fail "the command line is rejected without naming --help: $*"
    [ ! -s summary ] || fail "a wrong command line still has a summary: $*"
}

same() { cmp "$1" "$2" || fail "$2 is not a copy of $1"; }
untouched() { [ "$(cat "$1")" = before ] || fail "$1 is not as it was"; }
file_of() { head -c "$1" data >"file$1"; }

# while_copying OPTION...: stops the copy of `large` to `out/large` while it is under way, runs the shell command in
# `action` and lets it go on; the copy is "$copy" then, a file without a name; `status` is that of the program. What a
# script runs in the background ignores SIGINT unless told otherwise.
while_copying() {
    while :; do
        rm -f out/large
        env --default-signal=INT "$program" "$@" large out/large >summary 2>errors &
        copier=$!
        # shellcheck disable=SC2012 # the names there are numbers
        until copy=$(ls -l "/proc/$copier/fd" 2>/dev/null | sed -n "s,.* \([0-9]*\) -> $scratch/out/.*,\1,p") &&
            [ -n "$copy" ]; do
            [ -e "/proc/$copier/exe" ] || break
        done
        kill -STOP "$copier" 2>/dev/null || :
        until grep -q '^State:[[:space:]]*[TZ]' "/proc/$copier/status" 2>/dev/null; do [ -e "/proc/$copier" ] || break; done
        if [ -n "$copy" ] && [ ! -e out/large ]; then break; fi
        kill -CONT "$copier" 2>/dev/null || : # it was complete before it stopped
        wait "$copier" || fail "a copy failed before anything happened to it"
    done
    copy=/proc/$copier/fd/$copy
    eval "$action"
    kill -CONT "$copier" 2>/dev/null || :
    status=0
    wait "$copier" 2>/dev/null || status=$? # without the shell's word on the signal
    if grep 'stay pinned' errors >&2; then fail "pages leaked when: $action"; fi
    nothing_left "$action"
}

head -c 64M /dev/urandom >data

sizes_and_ways() {
    # below, at and above one block and a pool of blocks; sectors, pages and bytes too many
    for size in 0 1 511 512 4096 4097 524287 524288 524289 4194304 4194305 9999999; do
        file_of $size
        copy --verify --plain "file$size" out/copy && same "file$size" out/copy
        copy --block 8K --depth 3 "file$size" out/copy && same "file$size" out/copy
    done
    copy --verify --block 1M --depth 1 file9999999 out/copy && same file9999999 out/copy
    grep -q '^pool  *1 pages x 1 MiB, 1 free$' summary || fail "the summary does not show the pool that was asked for"
    for memory in automatic small transparent memfd; do
        copy --verify --memory $memory file9999999 out/copy && same file9999999 out/copy
    done
    run "$([ "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)" -lt 2 ] && echo 1 || echo 0)" \
        "$program" --memory hugetlb file9999999 out/copy
    [ -s summary ] || grep -q 'nr_hugepages' errors || fail "missing huge pages are not explained"
    rm file*
}

summary_tells() {
    file_of 4194305
    copy --verify file4194305 out/copy
    for line in 'copied and verified  1 files, 0 failed, 4194305 bytes (4.0 MiB)' 'buffers  *fixed, [1-9][0-9]* bytes pinned' \
        'rate  *[0-9.]* [KMG]iB/s in [0-9.]* s' 'CPU  *[0-9.]* s: [0-9.]* user, [0-9.]* system' \
        'memory  *[a-z ]*, in hardware pages of [24] [KM]iB'; do
        grep -q "^$line\$" summary || fail "the summary has no line '$line'"
    done
    case $(stat -f -c %T .) in
        ext2/ext3 | xfs) grep -q '^files  *read O_DIRECT, written O_DIRECT$' summary || fail "not O_DIRECT on a disk" ;;
        *) not_tried "O_DIRECT: $scratch is not on ext4 or xfs" ;;
    esac
    copy --plain file4194305 out/copy
    grep -q '^buffers  *plain, 0 bytes pinned$' summary || fail "--plain pins"
    if [ -w /dev/full ]; then
        status=0
        "$program" file4194305 out/copy 2>errors >/dev/full || status=$?
        { [ "$status" = 1 ] && grep -q 'standard output' errors; } || fail "a summary that cannot be written is no error"
    fi
    rm file*
}

sparse_files() {
    truncate -s 5G sparse
    for at in 0 4294967295 5000000000; do
        printf 'known' | dd of=sparse bs=1 seek=$at conv=notrunc status=none
    done
    copy --verify sparse out/sparse
    [ "$(stat -c %s out/sparse)" = 5368709120 ] || fail "a sparse copy has another size"
    [ "$(du -k out/sparse | cut -f 1)" -lt 4096 ] || fail "a copy has its holes filled"
    for at in 0 4294967295 5000000000; do
        cmp -i $at -n 1M sparse out/sparse || fail "a sparse copy differs"
    done
    rm sparse out/sparse

    # a hole at the end, one in the middle of a block, nothing but a hole
    cp data holes && truncate -s 9999999 holes && truncate -s 10000001 holes
    copy --verify holes out/holes && same holes out/holes
    truncate -s 300000 empty && copy --verify empty out/holes && same empty out/holes
    rm holes empty

    # holes that are smaller than a page of the pool, and one that is no larger than what the file needs beside its data
    for number in $(seq 64); do dd if=data of=holey bs=4K count=1 seek=$((number * 16)) conv=notrunc status=none; done
    cp data one
    fallocate -p -o 1M -l 4K one 2>/dev/null || not_tried "one small hole: it cannot be made here"
    for file in holey one; do
        # a copy that is in many pieces takes a block more, for their list: another may not
        for _ in 1 2 3 4 5; do
            copy --verify $file out/$file && same $file out/$file
            [ "$(stat -c %b out/$file)" -gt "$(stat -c %b $file)" ] || break
        done
        [ "$(stat -c %b out/$file)" -le "$(stat -c %b $file)" ] || fail "the small holes of $file are filled"
    done
    rm holey one out/*
}

names_and_places() {
    file_of 5000 && file_of 70000
    mkdir out/directory
    chmod 640 file5000 && chmod 755 file70000
    copy file5000 file70000 out/directory
    same file5000 out/directory/file5000 && same file70000 out/directory/file70000
    [ "$(stat -c %a out/directory/file5000 out/directory/file70000 | paste -sd,)" = 640,755 ] || fail "modes differ"
    grep -q '^copied  *2 files, 0 failed, 75000 bytes' summary || fail "the summary does not count both files"

    ln -s file5000 link
    { copy link out/copy && same file5000 out/copy && [ ! -L out/copy ]; } || fail "a link to a file was not followed"
    echo before >out/real && ln -sf real out/link
    { copy file5000 out/link && same file5000 out/real && [ -L out/link ]; } || fail "a link as destination was not followed"
    (cd out && copy ../file5000 copied-here) && same file5000 out/copied-here
    ln -sf missing out/link && refuse "link.*No such file" file5000 out/link

    refuse 'are the same file' file5000 file5000
    refuse 'are the same file' file5000 .
    refuse 'are the same file' link file5000
    ln file5000 hard && refuse 'are the same file' file5000 hard
    mkdir same && cp data same/file5000
    refuse 'just made' file5000 same/file5000 out/directory && same file5000 out/directory/file5000
    mkdir out/directory/hard && refuse "hard' is a directory" hard out/directory
    rm -r file* link hard same out/*
}

# mode_of FILE MODE[:UID:GID]
mode_of() { [ "$(stat -c %a:%u:%g "$1" | cut -d : -f "1-$(echo "$2" | tr : '\n' | wc -l)")" = "$2" ] || fail "$1 is not $2"; }

rights() {
    file_of 5000 && chmod 764 file5000
    # a new file: what the umask leaves of its source's
    for mask in 000 022 077; do
        rm -f out/copy reference
        (umask $mask && copy file5000 out/copy && cp file5000 reference)
        mode_of out/copy "$(stat -c %a reference)"
    done
    # one that is replaced: its own
    chmod 640 out/copy && (umask 077 && copy file5000 out/copy) && same file5000 out/copy && mode_of out/copy 640
    if [ "$(id -u)" = 0 ]; then
        chown 65534:65533 out/copy && copy file5000 out/copy && mode_of out/copy 640:65534:65533
    fi
    # without /proc a file that has no name cannot get one: it has one from the beginning. LeakSanitizer needs it, and
    # would even read there that it is not wanted.
    if ! grep -q __asan_init "$program" && unshare -m mount -t tmpfs none /proc 2>/dev/null; then
        rm -f out/copy
        # shellcheck disable=SC2016 # the inner shell expands it
        run 0 unshare -m sh -c 'mount -t tmpfs none /proc && umask 027 && "$@"' sh "$program" file5000 out/copy
        same file5000 out/copy && mode_of out/copy 740 && nothing_left "no /proc"
        # shellcheck disable=SC2016
        run 0 unshare -m sh -c 'mount -t tmpfs none /proc && "$@"' sh "$program" file5000 out/copy
        same file5000 out/copy && mode_of out/copy 740 && nothing_left "no /proc, a file replaced"
    fi
    rm file5000 reference out/copy
}

not_regular_files() {
    echo before >out/copy
    file_of 5000 && mkfifo fifo
    refuse "'missing': No such file" missing out/copy
    refuse "'fifo' is a FIFO" fifo out/copy
    refuse "'fifo' is a FIFO" file5000 fifo
    refuse "'/dev/null' is a device" /dev/null out/copy
    refuse "'/dev/null' is a device" file5000 /dev/null
    refuse "'out' is a directory" out copy
    refuse "directory of 'none/copy'.*No such file" file5000 none/copy
    refuse 'more bytes than its size' /proc/cpuinfo out/copy
    refuse 'another size' /sys/kernel/mm/transparent_hugepage/enabled out/copy
    untouched out/copy
    # those that can be copied are
    refuse "'fifo' is a FIFO" fifo file5000 missing out
    grep -q "'missing': No such file" errors || fail "only the first of two failures is told"
    grep -q '^copied  *1 files, 2 failed, 5000 bytes' summary || fail "the summary does not count the failures"
    same file5000 out/file5000
    rm file5000 fifo out/*
}

command_lines() {
    file_of 1
    reject 'a source and a destination'
    reject 'a source and a destination' file1
    reject "several sources.*'nowhere'" file1 file1 nowhere
    reject 'unrecognized option' --verfy file1 out
    reject 'power of two' --block 12K file1 out
    for block in 4K 128M 8k 8KB -1 '' 99999999999999999999; do
        reject 'not a number from 8192' --block "$block" file1 out
    done
    for depth in 0 4097 x; do reject 'not a number from 1 to 4096' --depth $depth file1 out; done
    reject "no memory 'tiny'" --memory tiny file1 out
    [ -z "$(ls out)" ] || fail "a wrong command line still copies"
    run 0 "$program" --help
    grep -q '^Usage: uring_copy' summary || fail "--help does not say how to use it"
    rm file1
}

no_room() {
    echo before >out/copy
    file_of 70000
    (ulimit -f 10 && refuse 'making room for .*File too large' file70000 out/copy)
    untouched out/copy
    rm file70000 out/copy

    private='unshare -m'
    [ "$(id -u)" = 0 ] || private='unshare -Urm'
    if ! $private mount -t tmpfs -o size=128K tmpfs out 2>/dev/null; then
        echo "SKIPPED: a full disk: a small file system cannot be mounted here"
        return
    fi
    # one that is refused at once, one that fails with many blocks in flight, one with a single write that is short
    file_of 2000000 && file_of 5000
    truncate -s 1M holed && cp holed short
    cat file2000000 >>holed && head -c 200000 data >>short
    for way in '' --plain; do
        # shellcheck disable=SC2016,SC2086 # the inner shell expands the one, the other may be nothing
        run 1 $private sh -c 'mount -t tmpfs -o size=128K tmpfs out && echo before >out/holed && status=0 &&
            { "$@" || status=$?; } && cat out/holed >&2 && cmp file5000 out/file5000 >&2 && ls -A out >&2 &&
            exit $status' sh "$program" $way file2000000 holed short file5000 out
        printf '%s\n' before file5000 holed >expected
        sed '/^uring_copy/d' errors | cmp - expected || fail "a full disk is not left as it was"
        grep -q 'making room for .*file2000000.*No space left' errors || fail "a full disk is not told before the copy"
        for file in holed short; do
            grep -q "writing .*$file.*No space left" errors || fail "a disk that becomes full is not told: $file"
        done
        nothing_left "full disk"
    done
    rm file* holed short expected
}

sources_that_change() {
    if ! env --default-signal=INT true 2>/dev/null; then
        not_tried "what happens during a copy: env has no --default-signal"
        return
    fi
    cp data large
    for action in 'printf x >>large' ': >large' 'printf y | dd of=large conv=notrunc status=none'; do
        while_copying
        { [ "$status" = 1 ] && grep -q 'changed while it was copied' errors; } || fail "not noticed: $action"
        [ ! -e out/large ] || fail "a copy was made of a source that changed: $action"
        cp data large
    done
    # The time of the last write put back. What had not been read yet is copied as it is by now.
    # shellcheck disable=SC2016 # eval expands it
    action='touch -r large time && printf y | dd of=large conv=notrunc status=none && touch -r time large'
    for way in '' --plain --verify; do
        # shellcheck disable=SC2086 # it may be nothing
        while_copying $way
        if [ "$status" = 1 ]; then
            grep -q 'changed while it was copied' errors || fail "a write whose time is put back has another error"
            [ ! -e out/large ] || fail "a copy was made of a source that changed although its time did not"
        else
            { [ "$status" = 0 ] && same large out/large; } || fail "a write whose time is put back passes"
            rm out/large
        fi
        cp data large
    done
    rm time
    for action in 'rm large' 'chmod 600 large' 'ln large again' 'mv large again'; do
        while_copying
        { [ "$status" = 0 ] && same data out/large; } || fail "a source that is only touched can be copied: $action"
        cp data large
        rm -f out/large again
    done

    # damage in a hole and in data, written as the copy is: through the page cache it would be an error of its own
    rm large && truncate -s 4M large && cat data >>large
    head -c 4096 data >damage
    direct=oflag=direct
    dd if=damage of=out/tried $direct status=none 2>/dev/null || direct=
    rm -f out/tried
    for place in 0 5000; do
        action="kill -CONT \$copier; while dd if=damage of=\"\$copy\" seek=$place $direct bs=4K conv=notrunc,nocreat 2>/dev/null; do :; done"
        while_copying --verify
        { [ "$status" = 1 ] && grep -q 'reads back differently' errors; } || fail "damage to a copy passes --verify"
        [ -z "$(ls -A out)" ] || fail "a damaged copy was left"
    done
    cp data large

    # shellcheck disable=SC2016 # eval expands it
    action='kill -KILL $copier' && while_copying # killed, it can do nothing any more
    [ -z "$(ls -A out)" ] || fail "a copy that was killed left something behind"
    for signal in INT TERM HUP; do
        action="kill -$signal \$copier" && while_copying
        { [ "$status" -gt 128 ] && [ "$(kill -l "$status")" = $signal ]; } || fail "SIG$signal gave status $status"
        [ -z "$(ls -A out)" ] || fail "SIG$signal left something behind"
        { [ ! -s summary ] && [ ! -s errors ]; } || fail "SIG$signal has a summary or an error"
    done
    rm large damage
}

# The ordinary user: a limit, and no right to read everything.
other_user() {
    user=
    if [ "$(id -u)" = 0 ]; then
        if ! command -v setpriv >/dev/null; then
            not_tried "an ordinary user: there is no setpriv"
            return
        fi
        user='setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all'
        chown 65534 out
    fi
    program=$scratch/as_user
    # shellcheck disable=SC2016 # that script expands it
    printf '#!/bin/sh\nulimit -l "$limit" && exec %s %s/uring_copy "$@"\n' "$user" "$scratch" >"$program"
    chmod 755 "$program" && export limit

    file_of 9999999
    limit=8192
    # shellcheck disable=SC3045 # dash, bash and busybox have it
    if ! (ulimit -l $limit) 2>/dev/null; then
        not_tried "limits of locked memory: the hard limit is below 8 MiB"
        return
    fi
    copy file9999999 out/copy && same file9999999 out/copy
    grep -q '^buffers  *fixed, 4194304 bytes pinned$' summary || fail "8 MiB of locked memory is not enough for 4"
    limit=3072 && copy file9999999 out/copy && same file9999999 out/copy
    grep -q '^pool  *3 pages' summary || fail "the pool does not adapt to the limit"
    limit=64
    run 0 "$program" --verify file9999999 out/copy && same file9999999 out/copy && nothing_left "limit of 64 KiB"
    grep -q '^uring_copy: not pinned, .*over budget.*memlock' errors || fail "the fallback is not told with its reason"
    grep -q '^buffers  *plain, 0 bytes pinned$' summary || fail "the summary hides the fallback"
    limit=0
    run 1 "$program" file9999999 out/copy
    grep -q '^uring_copy: io_uring_queue_init: over budget.*memlock' errors || fail "a ring that is refused is not explained"

    limit=8192 && echo before >out/copy
    chmod 0 file9999999 && refuse "'file9999999': Permission denied" file9999999 out/copy
    chmod 644 file9999999 && mkdir -m 555 closed
    refuse 'a temporary file beside .*Permission denied' file9999999 closed/copy
    untouched out/copy
    if [ -n "$user" ]; then # a file of another's: not to be written, and not to be kept another's
        chmod 644 out/copy && chown 0:0 out/copy && refuse "replacing 'out/copy': Permission denied" file9999999 out/copy
        chmod 666 out/copy && refuse "keeping the owner of 'out/copy', remove it.*not permitted" file9999999 out/copy
        untouched out/copy
    fi
    program=$scratch/uring_copy
    rm -rf file* closed out/copy
}

many_files() {
    mkdir many
    for number in $(seq 20); do echo "$number" >many/"$number"; done
    # a descriptor or a page that is not given back would be missed soon
    # shellcheck disable=SC3045 # likewise
    (ulimit -n 16 && copy --depth 1 many/* out)
    for number in $(seq 20); do same many/"$number" out/"$number"; done
    rm -r many out/*
}

on_the_disk_first() {
    if ! strace -o /dev/null true 2>/dev/null; then
        echo "SKIPPED: that a copy is on the disk before it takes its place: there is no strace(1)"
        return
    fi
    file_of 5000
    for calls in fsync,linkat,fsync fsync,linkat,renameat,fsync; do # a new file, one that is replaced
        # leaks cannot be looked for under strace
        ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 run 0 strace -o calls -e trace=fsync,linkat,renameat "$program" file5000 out/copy
        [ "$(sed -n 's/^\([a-z]*\)(.* = 0$/\1/p' calls | paste -sd,)" = "$calls" ] ||
            fail "a copy takes its place before it is on the disk: $(cat calls)"
    done
    rm file5000 out/copy calls
}

# As the filter of system calls of a container refuses it, and as a kernel without it.
registering_refused() {
    if ! strace -o /dev/null -e inject=io_uring_register:error=EPERM true 2>/dev/null; then
        echo "SKIPPED: a refused io_uring_register: there is no strace(1) that can refuse it"
        return
    fi
    file_of 9999999
    for error in EPERM ENOSYS; do
        for way in '' --plain; do
            # shellcheck disable=SC2086 # it may be nothing
            ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 run 0 strace -f -o /dev/null \
                -e inject=io_uring_register:error=$error "$program" $way file9999999 out/copy
            same file9999999 out/copy
            grep -q '^buffers  *plain, 0 bytes pinned$' summary || fail "what is refused is pinned"
            if [ -n "$way" ]; then
                [ ! -s errors ] || fail "--plain speaks of what it does not need"
            else
                grep -q '^uring_copy: not pinned, .*filter of system calls.*io_uring_register' errors ||
                    fail "a refused io_uring_register is not told with its reason"
            fi
        done
    done
    rm file9999999 out/copy
}

progress_bar() {
    if ! script -qec true /dev/null >/dev/null 2>&1; then
        not_tried "the progress bar: there is no script(1)"
        return
    fi
    file_of 9999999
    script -qec "$program --verify file9999999 out/copy 2>&1 >summary" /dev/null >errors </dev/null
    grep -q '\[#* *\] .*%.*iB/s .* left' errors || fail "no progress bar on a terminal"
    rm file9999999 out/copy
}

sizes_and_ways
summary_tells
sparse_files
names_and_places
rights
not_regular_files
command_lines
no_room
sources_that_change
other_user
many_files
on_the_disk_first
registering_refused
progress_bar
