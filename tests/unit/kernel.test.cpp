// SPDX-License-Identifier: BSL-1.0
#include "gup/kernel.hpp"

#include "gup_test/catch.hpp"

#include <array>
#include <cstring>
#include <linux/membarrier.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <vector>

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
    CHECK(kernel::open("/dev/no such file") == -ENOENT);
    CHECK(kernel::ioctl(-1, 0, nullptr) == -EBADF);
    CHECK(kernel::map_file(4096, PROT_READ, -1, 0) == -EBADF);
    std::byte one{};
    CHECK(kernel::pread(-1, &one, 1, 0) == -EBADF);
    CHECK(kernel::pwrite(-1, &one, 1, 0) == -EBADF);
}

TEST_CASE("a file is opened for both ways, and not for a program that is started") {
    const int fd = kernel::open("/dev/zero");
    REQUIRE(fd >= 0);
    CHECK((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(kernel::close(fd) == 0);
}

TEST_CASE("parts of a file are read, written and mapped at their offsets") {
    const int fd = kernel::memfd_create("gup test", MFD_CLOEXEC);
    REQUIRE(kernel::ftruncate(fd, 8192) == 0);
    const char text[] = {'a', 'b'};
    CHECK(kernel::pwrite(fd, text, 2, 4096) == 2);
    char back[4] = {};
    CHECK(kernel::pread(fd, back, 4, 4095) == 4);
    CHECK(std::string(back, 4) == std::string("\0ab\0", 4));
    CHECK(kernel::pread(fd, back, 4, 8192) == 0);
    const std::intptr_t address = kernel::map_file(4096, PROT_READ | PROT_WRITE, fd, 4096);
    REQUIRE(address > 0);
    auto* const memory = reinterpret_cast<char*>(address);
    CHECK(memory[1] == 'b');
    memory[1] = 'c';
    CHECK(kernel::pread(fd, back, 1, 4097) == 1);
    CHECK(back[0] == 'c');
    CHECK(kernel::munmap(memory, 4096) == 0);
    CHECK(kernel::close(fd) == 0);
}

TEST_CASE("a request reaches the file that it is for") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], "four", 4) == 4);
    int bytes = 0;
    CHECK(kernel::ioctl(ends[0], FIONREAD, &bytes) == 0);
    CHECK(bytes == 4);
    for (const int end : ends) kernel::close(end);
}

TEST_CASE("a link leads to a text, and a file that is none gives its errno") {
    std::string target = "old";
    CHECK(kernel::read_link("/proc/self/fd/no such", target) == -ENOENT);
    CHECK(target.empty());
    CHECK(kernel::read_link("/proc/self", target) == 0);
    CHECK(target == std::to_string(::getpid()));
    CHECK(kernel::read_link("/proc/self/maps", target) == -EINVAL);
}

TEST_CASE("a folder lists its names, and none that is hidden") {
    std::vector<std::string> names{"old"};
    CHECK(kernel::list_folder("/proc/self/no such", names) == -ENOENT);
    CHECK(names.empty());
    CHECK(kernel::list_folder("/proc/self/task", names) == 0);
    CHECK(names.size() >= 1); // not the folder itself and the one above it
    for (const std::string& name : names) CHECK(name.find('.') == std::string::npos);
    CHECK(kernel::list_folder("/proc/self/maps", names) == -ENOTDIR);
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
    std::array<struct stat, 2> files{};
    CHECK(kernel::fstat(fd, files[0]) == 0);
    CHECK(kernel::fstat(second, files[1]) == 0);
    CHECK(files[0].st_ino == files[1].st_ino);
    CHECK(kernel::close(fd) == 0);
    CHECK(kernel::fstat(fd, files[0]) == -EBADF);
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
