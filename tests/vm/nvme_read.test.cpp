// SPDX-License-Identifier: BSL-1.0
// The example program nvme_read on the disk of the virtual machine, every block of which says which it is.
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/skip.hpp"
#include "support/nvme.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <linux/capability.h>
#include <regex>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr const char* program = "/bin/nvme_read";
constexpr const char* output = "blocks";
constexpr unsigned blocks_of_disk = 32768;

bool have_program() {
    return gup_test::have_optional(::access(program, X_OK) == 0, "nvme_read is not in this virtual machine");
}

int execute(std::vector<std::string>& arguments) {
    std::vector<char*> words{const_cast<char*>(program)};
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    ::execv(program, words.data());
    return 127;
}
gup_test::child_result run(std::vector<std::string> arguments) {
    return gup_test::in_child([&] { return execute(arguments); });
}

/// As run, in a process that may lock so many KiB.
gup_test::child_result run_limited(rlim_t kib, std::vector<std::string> arguments) {
    const rlimit limit{kib << 10, kib << 10};
    return gup_test::in_child([&] {
        // from the bounding set: else root has it again when the program starts
        if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || ::prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0) != 0)
            return 126;
        return execute(arguments);
    });
}

/// What the program read there, block by block.
bool read_right(unsigned first, unsigned count) {
    if (!run({"--output", output, gup_test::nvme_address, std::to_string(first), std::to_string(count)})
             .exited_with(0))
        return false;
    std::ifstream file(output, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    std::string expected;
    for (unsigned i = 0; i < count; ++i) expected += gup_test::block(first + i);
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

TEST_CASE("blocks that are not on the disk are refused before anything is read or written") {
    if (!have_program()) return;
    ::unlink(output);
    for (const std::vector<std::string>& way : std::vector<std::vector<std::string>>{
             {}, {"--output", output}, {"--depth", "4"}, {"--verify-write"}}) {
        std::vector<std::string> arguments = way;
        arguments.insert(arguments.end(), {gup_test::nvme_address, "0", "18446744073709551615"});
        const auto refused = run(arguments);
        INFO(refused.said);
        CHECK(refused.exited_with(1));
        CHECK(refused.said_that("LBA out of range, namespace 1 has blocks 0 to 32767"));
    }
    CHECK(::access(output, F_OK) != 0);
    CHECK(read_right(blocks_of_disk - 8, 8));
}

TEST_CASE("a namespace is chosen by its number") {
    if (!have_program()) return;
    CHECK(run({"--namespace", "3", "--output", output, gup_test::nvme_address, "5", "1"}).exited_with(0));
    std::ifstream file(output, std::ios::binary);
    std::string content(7, ' ');
    file.read(content.data(), 7);
    CHECK(content == "third 5");
    CHECK(run({"--namespace", "3", gup_test::nvme_address, "2047", "2"}).said_that("blocks 0 to 2047"));
    const auto missing = run({"--namespace", "2", gup_test::nvme_address, "0", "1"});
    CHECK(missing.exited_with(1));
    CHECK(missing.said_that("there is no namespace 2: this disk has 1, 3"));
}

TEST_CASE("reads in a second are measured, with one queue and with several") {
    if (!have_program()) return;
    CHECK(run({"--depth", "63", gup_test::nvme_address, "0", std::to_string(blocks_of_disk)}).exited_with(0));
    CHECK(run({"--depth", "4", "--queues", "8", gup_test::nvme_address, "0", "3"}).exited_with(0));
}

TEST_CASE("a limit of locked memory that is raised as the message says is high enough") {
    if (!have_program()) return;
    for (const std::vector<std::string>& way : std::vector<std::vector<std::string>>{
             {"--output", output, "0", "9000"}, {"--depth", "40", "0", "9000"}}) {
        std::vector<std::string> arguments = way;
        arguments.insert(arguments.end() - 2, gup_test::nvme_address);
        for (const rlim_t first : {0UL, 64UL}) {
            const auto refused = run_limited(first, arguments);
            INFO(refused.said);
            REQUIRE(refused.exited_with(1));
            std::smatch found;
            REQUIRE(std::regex_search(refused.said, found, std::regex("ulimit -l ([0-9]+)")));
            const auto raised = run_limited(std::stoul(found[1]), arguments);
            INFO(raised.said);
            CAPTURE(raised.status);
            CHECK(raised.exited_with(0));
        }
    }
}

TEST_CASE("a write check that a signal ends has restored what it overwrote") {
    if (!have_program()) return;
    int ends[2]{};
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::execl(program, program, "--verify-write", gup_test::nvme_address, "0", "8192", nullptr);
        ::_exit(127);
    }
    ::close(ends[1]);
    std::string said;
    char letter = 0;
    while (said.find("namespace 1") == said.npos && ::read(ends[0], &letter, 1) == 1) said += letter;
    ::kill(child, SIGINT); // it has begun
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGINT);
    CHECK(read_right(0, 8192));
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
    const auto refused = run({gup_test::edu_address, "0", "1"});
    CHECK(refused.exited_with(1));
    CHECK(refused.said_that("is no NVMe disk: its class is 0x00ff00")); // by the configuration space alone
}
