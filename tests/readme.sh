# SPDX-License-Identifier: BSL-1.0
# sh readme.sh PROJECT_DIR: fails if a code block of a README.md is not, indentation aside, part of a file that the tests
# build or run. Blocks of cpp and cmake must be found whole, of sh line by line; text is not checked.
set -u
cd "$1" || exit 1

pages=$(find . -name README.md -not -path './build/*' -not -path './.*')
files=$(find examples tests .ci cmake -type f \( -name '*.cpp' -o -name '*.hpp' -o -name CMakeLists.txt -o -name '*.sh' -o -name run \))
# shellcheck disable=SC2086 # no name in the project has a space
awk '
function fail(what) { printf "%s:%d: %s\n", FILENAME, start, what; failed = 1 }
function found(text, kind,    name) {
    for (name in files)
        if (allowed(name, kind) && index(files[name], text)) return 1
    return 0
}
function allowed(name, kind) {
    if (kind == "cpp") return name ~ /\.[ch]pp$/
    if (kind == "cmake") return name ~ /CMakeLists\.txt$/
    return name ~ /(\.sh|\.ci\/run)$/
}
function check(    lines, count, i) {
    if (language == "text") return
    if (language !~ /^(cpp|cmake|sh)$/) { fail("a block must be cpp, cmake, sh or text"); return }
    if (language != "sh") {
        if (!found("\n" block, language)) fail("this block is in no file of the project")
        return
    }
    count = split(block, lines, "\n")
    for (i = 1; i < count; i++)
        if (!found("\n" lines[i] "\n", language)) fail("this command is in no file of the project: " lines[i])
}
{ sub(/^[ \t]+/, ""); sub(/[ \t]+$/, "") }
FNR == 1 { files[FILENAME] = "\n"; inside = 0 }
FILENAME !~ /README\.md$/ { files[FILENAME] = files[FILENAME] $0 "\n"; next }
/^```/ && !inside { inside = 1; start = FNR; language = substr($0, 4); block = ""; blocks++; next }
/^```/ { inside = 0; check(); next }
inside { block = block $0 "\n" }
END {
    if (blocks == 0) { print "README.md has no code block"; failed = 1 }
    exit failed
}' $files $pages
