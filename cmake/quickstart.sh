#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# sh cmake/quickstart.sh demo   build the examples, show what this machine can pin, copy a large file of the machine
# sh cmake/quickstart.sh test   build everything and test it once: the programs with g++, the misuses on every compiler
# Both install the Debian packages that are missing first (as root or with sudo). All that is built goes to build/.
# .ci/run has `test` go on with the presets in GUP_TEST_ALSO.
set -eu
cd "$(dirname "$0")/.."

to_build='g++ cmake ninja-build pkg-config libboost-dev liburing-dev'
to_test="$to_build clang-14 clang-19 clang-tidy-19 clang-tools-19 libc++-19-dev libc++abi-19-dev catch2 librapidcheck-dev
strace libbenchmark-dev"
to_test_also='libclang-rt-14-dev qemu-system-x86 cpio kmod xz-utils zstd lz4 g++-aarch64-linux-gnu qemu-user'

fail() {
    echo "quickstart.sh: $*" >&2
    exit 1
}

# run_logged LOG COMMAND...: runs it quietly; if it fails, its output is shown.
run_logged() {
    log=$1 && shift
    "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2 && return 1; }
}

install_missing() {
    if ! command -v apt-get >/dev/null; then
        echo "This is not Debian: the equivalents of these packages are needed: $*"
        return
    fi
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0

    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing, and there is no sudo; as root: apt-get install$missing"
        sudo=sudo
    fi
    echo "Installing Debian packages:$missing"
    # shellcheck disable=SC2086 # lists of words
    {
        run_logged build/apt-get.log $sudo apt-get -q update &&
            run_logged build/apt-get.log $sudo env DEBIAN_FRONTEND=noninteractive \
                apt-get -qy install --no-install-recommends $missing
    } || fail "could not install$missing"
}

# A large file that every machine has: the largest under /usr, or, if all are small, a part of /usr/lib in one file.
find_large_file() {
    found=$(find /usr -xdev -type f -readable -size +64M -size -1025M -printf '%s %p\n' 2>/dev/null | sort -n | tail -n 1)
    if [ -n "$found" ]; then
        echo "${found#* }"
    else
        find /usr/lib -xdev -type f -readable -exec cat {} + 2>/dev/null | head -c 256M >"$1/large-file"
        echo "$1/large-file"
    fi
}

demo() {
    # shellcheck disable=SC2086 # a list of words
    install_missing $to_build
    echo "Building the examples"
    run_logged build/demo.log cmake --preset gcc-release -B build/demo -DGUP_BUILD_TESTS=OFF
    run_logged build/demo.log cmake --build build/demo

    printf '\n--- What this machine can pin: doctor\n'
    build/demo/examples/doctor

    copies=$(mktemp -d build/demo/copies.XXXXXX)
    trap 'rm -rf "$copies"' EXIT
    trap 'exit 1' HUP INT TERM
    source=$(find_large_file "$copies")
    printf '\n--- A copy through pinned pages: uring_copy --verify %s\n' "$source"
    build/demo/examples/uring_copy --verify "$source" "$copies/copy"
    cmp "$source" "$copies/copy" || fail "the copy differs from $source"
    rm "$copies/copy"
    printf '\n--- Five rounds in turn, from a cold page cache to the disk: examples/uring_copy/compare.sh\n'
    examples/uring_copy/compare.sh build/demo/examples/uring_copy "$source" "$copies"
}

# count PRESET ATTRIBUTE: a total of the preset's test run, from its JUnit file.
count() {
    sed -n "s/^[[:space:]]*$2=\"\([0-9]*\)\".*/\1/p" "build/$1/tests.xml" | head -n 1
}

# Runs one preset and adds its totals to passed, failed and skipped. A build that fails counts as one failed test.
test_preset() {
    printf '%s: ' "$1"
    started=$(date +%s)
    outcome=ok
    folder=build/$1
    case $1 in
        test) folder=build/gcc-debug ;;
        *-rest) folder=build/${1%-rest} ;;
    esac
    mkdir -p "build/$1"
    rm -f "build/$1/tests.xml"
    # ThreadSanitizer of clang 14 and g++ 12 cannot stand the address randomisation of some kernels.
    fixed_addresses=
    case $1 in
        *tsan) ! setarch -R true 2>/dev/null || fixed_addresses='setarch -R' ;;
    esac
    run_logged "build/$1.log" $fixed_addresses cmake --workflow --preset "$1" || outcome=FAILED

    if [ -f "build/$1/tests.xml" ]; then
        failures=$(count "$1" failures)
        skips=$(($(count "$1" skipped) + $(count "$1" disabled)))
        tests=$(count "$1" tests)
    else
        failures=0 skips=0 tests=0
    fi
    [ "$outcome" = ok ] || [ "$failures" -gt 0 ] || { failures=1 && tests=$((tests + 1)); }
    passed=$((passed + tests - failures - skips))
    failed=$((failed + failures))
    skipped=$((skipped + skips))
    echo "$outcome, $tests tests, $failures failed, $skips skipped, $(($(date +%s) - started)) s"
    [ "$skips" = 0 ] || grep -h '^SKIPPED: ' "$folder/Testing/Temporary/LastTest.log" | sort -u
}

run_tests() {
    [ -z "${GUP_TEST_ALSO:-}" ] || to_test="$to_test $to_test_also"
    # shellcheck disable=SC2086 # a list of words
    install_missing $to_test
    passed=0 failed=0 skipped=0
    for preset in test ${GUP_TEST_ALSO:-}; do
        test_preset "$preset"
    done
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

mkdir -p build
case $#:${1:-} in
    1:demo) demo ;;
    1:test) run_tests ;;
    *) sed -n 's/^# //; 3,5p' "$0" && exit 2 ;;
esac
