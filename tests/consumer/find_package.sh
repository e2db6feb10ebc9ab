# SPDX-License-Identifier: BSL-1.0
# Builds and runs a CMake project that finds the installed package. What cannot be found is refused with a reason, the
# core alone needs no liburing, and who names no component gets all that can be had.
set -eu
work=$WORK/find_package
here=$SOURCE/tests/consumer
rm -rf "$work" && mkdir -p "$work/project" "$work/other"
cp "$here/find_package/CMakeLists.txt" "$here/main.cpp" "$work/project"

"$CMAKE" -S "$work/project" -B "$work/build" -DCMAKE_PREFIX_PATH="$PACKAGE"
"$CMAKE" --build "$work/build"
"$work/build/consumer"

target=gup::gup
# finds ARGUMENTS [OPTION]: a project with find_package(gup ARGUMENTS) can use $target; the output is in other/log.
finds() {
    {
        echo 'cmake_minimum_required(VERSION 3.25)'
        echo 'project(other CXX)'
        echo "find_package(gup $1)"
        echo "get_target_property(type $target TYPE)"
    } >"$work/other/CMakeLists.txt"
    rm -rf "$work/other/build"
    "$CMAKE" -S "$work/other" -B "$work/other/build" -DCMAKE_PREFIX_PATH="$PACKAGE" ${2:+"$2"} >"$work/other/log" 2>&1
}

# says WORDS: CMake did.
says() {
    tr -s ' \n' ' ' <"$work/other/log" | grep -qF "$1" || { cat "$work/other/log" >&2 && exit 1; }
}

# refused ARGUMENTS WORDS [OPTION]: it cannot, and CMake says so in these words.
refused() {
    if finds "$1" ${3:+"$3"}; then
        echo "find_package(gup $1) must fail" >&2
        exit 1
    fi
    says "$2"
}

no_liburing=-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON
refused '0.2 REQUIRED' 'compatible with requested version "0.2"'
refused '0.1 REQUIRED COMPONENTS teleport' "gup has no component 'teleport'"
refused '0.1 REQUIRED COMPONENTS io_uring' 'gup::io_uring needs liburing' "$no_liburing"
finds '0.1 REQUIRED' "$no_liburing"
says 'gup::io_uring needs liburing'
finds '0.1 REQUIRED OPTIONAL_COMPONENTS io_uring' "$no_liburing"
finds '0.1 REQUIRED QUIET' "$no_liburing"
if grep -F liburing "$work/other/log"; then exit 1; fi
target=gup::io_uring
finds '0.1 REQUIRED'
finds ''
