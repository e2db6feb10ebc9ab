// SPDX-License-Identifier: BSL-1.0
#include "gup/kernel.hpp"

#include "gup_test/catch.hpp"

#include <cstring>
#include <linux/membarrier.h>
#include <memory>
#include <string>

using kernel = gup::system_kernel;

TEST_CASE("a failed call returns the errno with its sign changed") {
    CHECK(kernel::mmap(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1) == -EINVAL);
    CHECK(kernel::mmap(4096, PROT_READ, MAP_PRIVATE, -1) == -EBADF);
    CHECK(kernel::munmap(reinterpret_cast<void*>(1), 4096) == -EINVAL);
    CHECK(kernel::madvise(nullptr, 4096, -1) == -EINVAL);
    CHECK(kernel::memfd_create("gup", ~0U) == -EINVAL);
    CHECK(kernel::ftruncate(-1, 4096) == -EBADF);
    CHECK(kernel::close(-1) == -EBADF);
    CHECK(kernel::duplicate(-1) == -EBADF);
    CHECK(kernel::membarrier(-1) == -EINVAL);
    CHECK(kernel::mlock(nullptr, 4096) == -ENOMEM);
    CHECK(kernel::mlock2(nullptr, 4096, ~0U) == -EINVAL);
    CHECK(kernel::munlock(nullptr, 4096) == -ENOMEM);
    CHECK(kernel::msync(nullptr, 4096, -1) == -EINVAL);
    CHECK(kernel::io_uring_register(-1, 0, nullptr, 0) < 0);
}

TEST_CASE("memory is mapped and unmapped") {
    const std::intptr_t address = kernel::mmap(8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    REQUIRE(address > 0);
    auto* const memory = reinterpret_cast<char*>(address);
    memory[8191] = 1;

    CHECK(kernel::msync(memory, 8192, MS_ASYNC) == 0);
    CHECK(kernel::madvise(memory, 8192, MADV_DONTNEED) == 0);
    CHECK(memory[8191] == 0);
    CHECK(kernel::munmap(memory, 8192) == 0);
    CHECK(kernel::msync(memory, 8192, MS_ASYNC) == -ENOMEM);
}

TEST_CASE("a duplicated descriptor is another number of the same file and closes on exec") {
    const int fd = kernel::memfd_create("gup", 0);
    REQUIRE(fd >= 0);
    REQUIRE(kernel::ftruncate(fd, 12345) == 0);

    const int second = kernel::duplicate(fd);

    REQUIRE(second >= 0);
    CHECK(second != fd);
    CHECK((::fcntl(second, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(kernel::close(fd) == 0);
    CHECK(::lseek(second, 0, SEEK_END) == 12345);
    CHECK(kernel::close(second) == 0);
}

TEST_CASE("what the process is and may is read without failing") {
    std::uint64_t limit = 1;

    CHECK(kernel::getpid() == ::getpid());
    CHECK(kernel::page_size() >= 4096);
    CHECK(kernel::memlock_limit(limit) == 0);
    CHECK(kernel::membarrier(MEMBARRIER_CMD_QUERY) >= 0);
}

TEST_CASE("a file is read as a whole and replaces what the text held") {
    std::string text = "before";

    REQUIRE(kernel::read_text("/proc/self/status", text) == 0);
    CHECK(text.find("Name:") == 0);
    CHECK(text.find("VmLck:") != text.npos);
    std::string long_text;
    REQUIRE(kernel::read_text("/proc/self/smaps", long_text) == 0); // more than one read
    CHECK(long_text.size() > 4096);
    CHECK(long_text.back() == '\n');
}

TEST_CASE("a file that cannot be read gives its errno and an empty text") {
    std::string text = "before";

    CHECK(kernel::read_text("/proc/no such file", text) == -ENOENT);
    CHECK(text.empty());
    CHECK(kernel::read_text("/proc/self", text) == -EISDIR);
    CHECK(text.empty());
}
