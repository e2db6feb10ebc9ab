// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A file that an example reads.

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace examples {

[[noreturn]] inline void fail(int error, const std::string& doing) {
    throw std::system_error(error, std::generic_category(), doing);
}

/// An open regular file, closed at the end.
class input_file {
public:
    /// `flags` as for open(2); throws if it is no regular file.
    input_file(const std::filesystem::path& path, int flags) : name_("'" + path.string() + "'") {
        // O_NONBLOCK: a FIFO would wait for a writer before it could be refused
        fd_ = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK);
        if (fd_ < 0) fail(errno, "opening " + name_);
        struct stat status {};
        if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
            ::close(fd_);
            throw std::runtime_error(name_ + " is not a regular file");
        }
        size_ = static_cast<std::uint64_t>(status.st_size);
    }
    input_file(const input_file&) = delete;
    input_file& operator=(const input_file&) = delete;
    ~input_file() { ::close(fd_); }

    int fd() const noexcept { return fd_; }
    const std::string& name() const noexcept { return name_; }
    /// Bytes that it had when it was opened.
    std::uint64_t size() const noexcept { return size_; }

private:
    std::string name_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
};

} // namespace examples
