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
