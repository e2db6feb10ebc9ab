// SPDX-License-Identifier: BSL-1.0
// The example program nvme_read on the disk of the virtual machine, every block of which says which it is.
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/skip.hpp"
#include "support/edu.hpp"

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

constexpr const char* program = "/bin/nvme_read";
constexpr const char* output = "blocks";
constexpr unsigned blocks_of_disk = 32768;

bool have_program() {
    return gup_test::have_optional(::access(program, X_OK) == 0, "nvme_read is not in this virtual machine");
}

gup_test::child_result run(std::vector<std::string> arguments) {
    return gup_test::in_child([&] {
        std::vector<char*> words{const_cast<char*>(program)};
        for (std::string& argument : arguments) words.push_back(argument.data());
        words.push_back(nullptr);
        ::execv(program, words.data());
        return 127;
    });
}

/// What the disk was made with.
std::string block(unsigned number) {
    std::string text = "block " + std::to_string(number);
    text.resize(511, ' ');
    return text + '\n';
}

/// What the program read there, block by block.
bool read_right(unsigned first, unsigned count) {
    if (!run({"--output", output, gup_test::nvme_address, std::to_string(first), std::to_string(count)})
             .exited_with(0))
        return false;
    std::ifstream file(output, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    std::string expected;
    for (unsigned i = 0; i < count; ++i) expected += block(first + i);
    return content == expected;
}

} // namespace

TEST_CASE("a disk is read through one page, two pages and lists of pages") {
    if (!have_program()) return;
    CHECK(read_right(0, 1));
    CHECK(read_right(17, 9)); // begins and ends inside of pages
    CHECK(read_right(1000, 16));
    CHECK(read_right(5, 9000)); // several commands of the largest size
    CHECK(read_right(blocks_of_disk - 3, 3));
}

TEST_CASE("blocks that are written and restored are what they were") {
    if (!have_program()) return;
    CHECK(run({"--verify-write", gup_test::nvme_address, "3", "3000"}).exited_with(0));
    CHECK(read_right(0, 3100));
}

TEST_CASE("what the controller refuses is an error that says why") {
    if (!have_program()) return;
    const auto beyond = run({gup_test::nvme_address, std::to_string(blocks_of_disk - 1), "2"});
    CHECK(beyond.exited_with(1));
    INFO(beyond.said);
    CHECK(beyond.said_that("LBA out of range"));
}

TEST_CASE("a disk that another container has is not touched") {
    if (!have_program()) return;
    gup::vfio_device mine(gup::vfio_container(), gup_test::nvme_address);
    const auto refused = run({gup_test::nvme_address, "0", "1"});
    CHECK(refused.exited_with(1));
    CHECK(refused.said_that("one user at a time"));
}

TEST_CASE("a device that is no disk is refused") {
    if (!have_program()) return;
    CHECK(run({gup_test::edu_address, "0", "1"}).exited_with(1));
}
