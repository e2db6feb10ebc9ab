# SPDX-License-Identifier: BSL-1.0
# Compiles every header for 64-bit ARM, and some tests, which it runs in an emulator of that processor (qemu-user).
# INCLUDES is a list of folders, with colons, that have the headers of Boost, liburing and Catch2, which are the same for
# every processor.
set -eu
# shellcheck source=tests/support/skip.sh
. "$SOURCE/tests/support/skip.sh"
compiler=aarch64-linux-gnu-g++
command -v $compiler >/dev/null || skip "no $compiler"
command -v qemu-aarch64 >/dev/null || skip 'no qemu-aarch64'
rm -rf "$WORK" && mkdir -p "$WORK/include" && cd "$WORK"

# Not the folders themselves, which have the headers of this machine's C library.
IFS=:
for folder in /usr/include $INCLUDES; do
    for name in boost catch2 liburing liburing.h; do
        if [ -e "$folder/$name" ]; then ln -sfn "$folder/$name" include; fi
    done
done
unset IFS
compile() { $compiler -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -DGUP_WARN_IN_HEADERS \
    -I"$SOURCE/include" -I"$SOURCE/tests/support" -isystem include -pthread "$@"; }

(cd "$SOURCE/include" && find gup -name '*.hpp' | sort | sed 's|.*|#include "&"|') >headers.cpp
compile -fsyntax-only headers.cpp
compile -fsyntax-only -fno-exceptions -fno-rtti headers.cpp

compile -O0 -c "$SOURCE/tests/support/main.cpp" -o main.o
for test in aarch64/core unit/page_pool unit/page_pool_threads unit/user_page_ref unit/address_space \
    unit/address_space_threads unit/detail/reference_counts unit/domain/mlock; do
    compile -O1 -c "$SOURCE/tests/$test.test.cpp" -o "$(echo $test | tr / _).o"
done
$compiler -static -pthread ./*.o -o tests
# What the emulator (7.2, on x86) does not do: it keeps no order between stores that release and loads that acquire, in which
# a pool without membarrier(2) trusts; and it empties no page in a forked child (MADV_WIPEONFORK).
qemu-aarch64 ./tests '~"*kernel_without_membarrier*" ~"*forked child*"'
