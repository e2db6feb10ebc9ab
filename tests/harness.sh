# SPDX-License-Identifier: BSL-1.0
# Shows that the checkers of this test suite can fail: the misuse tests, the README test and the skips. Runs in a folder
# of its own, with CMAKE, CXX, SOURCE (the project) and PROGRAM (a Catch2 program of the project) in the environment.
set -u
status=0
wrong() {
    echo "$*" >&2
    status=1
}

# misuse CODE EXPECTATION...: what the misuse test says of a program with these expectations.
misuse() {
    echo "$1" >misuse.cpp && shift
    printf '// expect-%s\n' "$@" >>misuse.cpp
    "$CMAKE" -D SOURCE=misuse.cpp -D COMPILER="$CXX" -P "$SOURCE/cmake/misuse-test.cmake" >misuse.log 2>&1
}
accepts() { misuse "$@" || wrong "the misuse test rejects: $*"; }
rejects() { ! misuse "$@" || wrong "the misuse test accepts: $*"; }

sentence='static_assert(sizeof(int) == 0, "one rule; its right spelling");'
accepts "$sentence" 'error: one rule; its right spelling'
accepts 'int main() { int unused = 0; }' 'warning: unused variable'
accepts 'int main() {}' 'clean'
rejects "$sentence" 'error: another rule'
rejects "$sentence" 'error: one rule' 'error: another rule'
rejects "$sentence" 'clean'
rejects "$sentence" 'eror: one rule'
rejects "int unused() { int unused = 0; } $sentence" 'warning: unused variable'
rejects 'int main() {}' 'error: one rule'
rejects 'int main() { int unused = 0; }' 'clean'
case $CXX in
    *clang*) rejects "$sentence" 'gcc-error: one rule' ;;
    *) rejects "$sentence" 'clang-error: one rule' ;;
esac

# The other layers: of a compiler that does not have one, nothing is checked.
consumable='struct [[clang::consumable(unconsumed)]] held { explicit held(int) {} [[clang::callable_when("consumed")]] ~held() {} };'
forgotten="$consumable void drop() { held page(1); }"
unproven='[[gnu::error("no put")]] void wrong(); void drop(int n) { if (n) wrong(); }'
case $CXX in
    *clang*)
        accepts "$forgotten" 'clean' 'consumed-warning: .~held. on object .page.'
        rejects "$forgotten" 'consumed-clean'
        rejects "$forgotten" 'warning: .~held. on object .page.' 'consumed-warning: .~held. on object .page.'
        rejects 'int main() { int unused = 0; }' 'clean' 'consumed-warning: unused variable'
        ;;
esac
accepts 'int main() { return 0; }' 'run-clean'
accepts 'int main() { __builtin_abort(); }' 'run-error: [Aa]bort'
accepts '#include <cstdio>
int main() { std::puts("no such page"); return 1; }' 'run-error: such page'
rejects 'int main() { return 1; }' 'run-clean'
rejects 'int main() { return 0; }' 'run-error: .*'
rejects 'int main() { return 1; }' 'run-error: no such page'
rejects 'int main() { int unused = 0; }' 'run-clean'
accepts "$unproven" 'linear-error: no put'
rejects "$unproven" 'linear-clean'
rejects "$unproven" 'linear-error: no put' 'clean'
rejects 'void drop() {}' 'linear-error: no put'

# Compiled together, programs are judged as they are alone.
# program NAME CODE EXPECTATION...
program() {
    printf '%s\n' "$2" >"together/$1.cpp"
    name=$1 && shift 2
    printf '// expect-%s\n' "$@" >>"together/$name.cpp"
}
prepare() {
    sources=$(printf '%s;' "$PWD"/together/*.cpp)
    "$CMAKE" -D SOURCES="${sources%;}" -D COMPILER="$CXX" -D PREPARED="$PWD/prepared" \
        -P "$SOURCE/cmake/misuse-together.cmake" >prepare.log 2>&1 || wrong "programs cannot be prepared together"
}
# judge COMPILER NAME: what the test says of the program; a compiler that is none shows what it says of it together.
judge() {
    "$CMAKE" -D SOURCE="$PWD/together/$2.cpp" -D COMPILER="$1" -D PREPARED="$PWD/prepared" \
        -P "$SOURCE/cmake/misuse-test.cmake" >misuse.log 2>&1
}
rm -rf together && mkdir together
cat >shared.hpp <<'END'
#pragma once
template <class T> void complain(T) { static_assert(sizeof(T) == 0, "it is complained once"); }
template <class T> bool warn(T value) { return value < sizeof(int); }
END
shared='#include "../shared.hpp"'
program a_error "$sentence" 'error: one rule; its right spelling'
program a_other_error 'static_assert(sizeof(int) == 0, "another rule");' 'error: another rule'
program error_of_another 'static_assert(sizeof(int) == 0, "a third rule");' 'error: one rule'
program error_missing 'int one() { return 1; }' 'error: one rule'
program a_template "// first
$shared
void one() { complain(1); }" 'error: it is complained once'
program a_template_again "// second
$shared
void one() { complain(1); }" 'error: it is complained once'
program a_warning "// warns
$shared
bool one() { return warn(1); }" 'warning: comparison of integer'
program a_warning_alone 'void one() { int other = 0; }' 'warning: unused variable .other'
program warning_behind_another "// says that it does not warn
$shared
bool one() { return warn(1); }" clean
program warning_of_another 'void one() { int third = 0; }' 'warning: unused variable .other'
program a_clean 'int one() { return 1; }' clean
program a_run 'int main() { return 0; }' run-clean
program a_run_error 'int main() { __builtin_abort(); }' 'run-error: [Aa]bort'
program run_not_clean 'int main() { return 1; }' run-clean
program run_no_error 'int main() { return 0; }' 'run-error: .*'
program outside 'template <> struct std::hash<struct mine> {};' clean
prepare
for file in together/*.cpp; do
    name=$(basename "$file" .cpp)
    case $name in
        a_*) judge "$CXX" "$name" || wrong "together, the misuse test rejects $name" ;;
        *) ! judge "$CXX" "$name" || wrong "together, the misuse test accepts $name" ;;
    esac
done
for name in a_error a_other_error a_template a_warning a_warning_alone a_run a_run_error; do
    judge "no-$CXX" "$name" || wrong "the misuse test compiles $name alone"
done
for name in a_template_again a_clean; do
    ! judge "no-$CXX" "$name" || wrong "the misuse test accepts $name in the shadow of another"
done
rm together/warning_behind_another.cpp together/outside.cpp
prepare
judge "no-$CXX" a_clean || wrong "the misuse test compiles a clean program alone"
GUP_MISUSE_ALONE=1 prepare
! judge "no-$CXX" a_clean || wrong "GUP_MISUSE_ALONE does not keep programs alone"

# table PROGRAM README: what the table of the misuse suite says of these two files.
mkdir -p suite/tests/misuse/one
table() {
    printf '%s\n' "$1" >suite/tests/misuse/one/one.cpp
    printf '%s\n' "$2" >suite/README.md
    sh "$SOURCE/tests/misuse_table.sh" suite table.md >table.log 2>&1
}
program='// misuse: one
// expect-error: no'
table "$program" '' && wrong "the test of the table accepts a README without totals"
sed -n '/^$/,$p' suite/table.md >totals.md
table "$program" "$(cat totals.md)" || wrong "the test of the table rejects its own totals: $(cat table.log)"
table '// misuse: one
// expect-consumed-warning: no' "$(cat totals.md)" && wrong "the test of the table accepts the totals of another suite"

# namespaces LINE...: what the test of the namespaces says of a header with these lines, beside the headers as they are.
rm -rf headers && mkdir headers && cp -r "$SOURCE/include" headers
namespaces() {
    printf '%s\n' "$@" >headers/include/gup/more.hpp
    sh "$SOURCE/tests/namespaces.sh" headers >namespaces.log 2>&1
}
include='#include "gup/version.hpp"'
test_of="the test of the namespaces"
namespaces "$include" 'namespace gup::inline GUP_NAMESPACE::detail {' || wrong "$test_of rejects the release's"
namespaces 'namespace gup::inline GUP_NAMESPACE {' && wrong "$test_of accepts a macro that is not defined"
namespaces "$include" 'namespace gup {' && wrong "$test_of accepts names without the release"
namespaces "$include" 'namespace gup::inline GUP_RELEASE {' && wrong "$test_of accepts names for both kinds of objects"
sed -i '/^GUP_SYSTEM_HEADER$/d' headers/include/gup/detail/process.hpp
namespaces "$include" && wrong "$test_of accepts a header of which compilers warn"
cp "$SOURCE/include/gup/detail/process.hpp" headers/include/gup/detail
namespaces 'namespace gup::process_wide_v1 {' && wrong "$test_of accepts more names that are one for a process"

# readme BLOCK...: what the README test says of a README with this block.
mkdir -p project/tests project/examples project/cmake project/.ci
echo 'ls build' >project/cmake/one.sh
echo 'int one() { return 1; }' >project/tests/one.cpp
readme() {
    printf '%s\n' "$@" >project/README.md
    sh "$SOURCE/tests/readme.sh" project >readme.log 2>&1
}
readme '```cpp' '    int one() { return 1; }' '```' || wrong "the README test rejects a block that is in a file"
readme '```cpp' 'int two() { return 2; }' '```' && wrong "the README test accepts a block that is in no file"
readme '```sh' 'ls build' '```' || wrong "the README test rejects a command that is in a file"
readme '```sh' 'rm -rf build' '```' && wrong "the README test accepts a command that is in no file"
readme '```' 'int one() { return 1; }' '```' && wrong "the README test accepts a block without a language"
readme 'no code' && wrong "the README test accepts a README without code"

"$PROGRAM" 'no test has this name' >program.log 2>&1 && wrong "a test program succeeds without running a test"
for required in 0 1; do
    GUP_TEST_REQUIRE=$required sh -c '. "$SOURCE/tests/support/skip.sh"; skip nothing' >skip.log 2>&1
    case $required:$? in
        0:77 | 1:1) ;;
        *) wrong "skip with GUP_TEST_REQUIRE=$required ends with the wrong status" ;;
    esac
done
exit $status
