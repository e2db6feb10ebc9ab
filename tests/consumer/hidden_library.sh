# SPDX-License-Identifier: BSL-1.0
# A library built with -fvisibility=hidden shares with its program what must be one for a process: hooks, errors, the
# caller's memory that is pinned, threads, and what tells domains apart. Linked to it, and opened at run time by a program
# that exports its symbols.
set -eu
. "$SOURCE/tests/support/skip.sh"
here=$SOURCE/tests/consumer/hidden_library
work=$WORK/hidden_library
rm -rf "$work" && mkdir -p "$work" && cd "$work"

# try COMPILER FLAG...
try() {
    compile="$* -std=c++20 -O1 -Wall -Wextra -Werror -I$SOURCE/include -pthread"
    $compile -fPIC -shared -fvisibility=hidden -fvisibility-inlines-hidden "$here/library.cpp" -luring -o liblibrary.so
    $compile "$here/main.cpp" -L. -llibrary -Wl,-rpath,"$work" -luring -o linked
    $compile -DOPENED_AT_RUN_TIME -rdynamic "$here/main.cpp" -luring -ldl -o opening
    ./linked || { echo "linked: $*" >&2 && exit 1; }
    ./opening "$work/liblibrary.so" || { echo "opened at run time: $*" >&2 && exit 1; }
}

try "$CXX"

# libc++ tells types apart by the addresses of their names, not by the names.
echo 'int main() {}' >empty.cpp
clang++-19 -stdlib=libc++ -std=c++20 -include string empty.cpp -o empty 2>/dev/null || skip 'no clang++-19 with libc++'
try clang++-19 -stdlib=libc++
