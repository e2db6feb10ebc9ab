# SPDX-License-Identifier: BSL-1.0
# A library that is closed while its program has pages of it: what their last puts need is there still. Of g++ without
# its unique symbols, which keep many a library open, with symbols that are hidden, and of clang++, which has none.
set -eu
here=$SOURCE/tests/consumer/closed_library
rm -rf "$WORK/closed_library" && mkdir -p "$WORK/closed_library" && cd "$WORK/closed_library"

flags="-std=c++20 -O1 -Wall -Wextra -Werror -I$SOURCE/include -pthread"
"$CXX" $flags "$here/main.cpp" -ldl -o program
"$CXX" $flags -rdynamic "$here/main.cpp" -ldl -o exporting_program

# try COMPILER FLAG...
try() {
    "$@" $flags -fPIC -shared "$here/library.cpp" -o library.so
    for program in ./program ./exporting_program; do
        for what in page proxy memory mark place_of_get counts; do
            $program "$PWD/library.so" $what || { echo "$what is lost: $program, $*" >&2 && exit 1; }
        done
    done
}

try g++ -fno-gnu-unique
try g++ -fno-gnu-unique -fvisibility=hidden
if command -v clang++-14 >/dev/null; then try clang++-14; fi
