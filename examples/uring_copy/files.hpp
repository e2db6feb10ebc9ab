// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Files as uring_copy opens them: with O_DIRECT where that is possible, holes known, sources checked.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <time.h>
#include <unistd.h>
#include <utility>

namespace uring_copy {

[[noreturn]] inline void fail(int error, const std::string& doing) {
    throw std::system_error(error, std::generic_category(), doing);
}

inline std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

/// An open file, closed at the end.
class open_file {
public:
    /// Takes `fd` over, or throws what errno says if it is negative.
    open_file(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
        if (fd < 0) fail(errno, "opening " + name_);
    }
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() { ::close(fd_); }

    int fd() const noexcept { return fd_; }
    const std::string& name() const noexcept { return name_; }
    struct stat status() const {
        struct stat now {};
        if (::fstat(fd_, &now) != 0) fail(errno, "looking at " + name_);
        return now;
    }

    /// True while operations bypass the page cache.
    bool direct() const noexcept { return direct_; }
    /// Asks for O_DIRECT; a file system that cannot says so here, or with EINVAL at an operation.
    void try_direct() noexcept { direct_ = ::fcntl(fd_, F_SETFL, O_DIRECT) == 0; }
    void stop_direct() noexcept {
        ::fcntl(fd_, F_SETFL, 0);
        direct_ = false;
    }

private:
    int fd_;
    std::string name_;
    bool direct_ = false;
};

/// Walks over the holes of a file, from its beginning to its end.
class data_finder {
public:
    static constexpr std::uint64_t no_more = std::numeric_limits<std::uint64_t>::max();

    explicit data_finder(const open_file& file) noexcept : fd_(file.fd()) {}

    /// Where the first byte at or after `from` is that is not in a hole; `no_more` if there is none. All is
    /// data where the file system does not know.
    std::uint64_t next(std::uint64_t from) noexcept {
        if (from >= end_) {
            begin_ = seek(from, SEEK_DATA, from);
            end_ = begin_ == no_more ? no_more : seek(begin_, SEEK_HOLE, no_more);
        }
        return std::max(from, begin_);
    }
    /// Where the data ends that `next` found.
    std::uint64_t end() const noexcept { return end_; }

private:
    std::uint64_t seek(std::uint64_t from, int what, std::uint64_t otherwise) const noexcept {
        const off_t found = ::lseek(fd_, static_cast<off_t>(from), what);
        if (found >= 0) return static_cast<std::uint64_t>(found);
        return errno == ENXIO ? no_more : otherwise;
    }

    int fd_;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
};

inline void check_regular(const struct stat& status, const std::string& name) {
    if (S_ISREG(status.st_mode)) return;
    const char* const kind = S_ISDIR(status.st_mode)    ? "a directory"
                             : S_ISFIFO(status.st_mode) ? "a FIFO"
                             : S_ISSOCK(status.st_mode) ? "a socket"
                                                        : "a device";
    throw std::runtime_error(name + " is " + kind + ": only regular files are copied");
}

/// A file to copy, as it was when it was opened.
class source_file : public open_file {
public:
    explicit source_file(const std::filesystem::path& path)
        : open_file(open_regular(path), quoted(path)), before_(status()), seen_(before_) {
        check_regular(before_, name());
        char byte = 0;
        if (::pread(fd(), &byte, 1, before_.st_size) > 0)
            throw std::runtime_error(name() +
                                     " has more bytes than its size says, as files of /proc do: use cp");
        try_direct();
    }

    std::uint64_t size() const noexcept { return static_cast<std::uint64_t>(before_.st_size); }
    bool has_holes() const noexcept {
        const off_t hole = ::lseek(fd(), 0, SEEK_HOLE);
        return hole >= 0 && hole < before_.st_size;
    }
    mode_t permissions() const noexcept { return before_.st_mode & 0777; }
    bool is(const struct stat& other) const noexcept {
        return other.st_dev == before_.st_dev && other.st_ino == before_.st_ino;
    }

    /// Throws if its size or the time of its last write is not what it was when it was opened. Otherwise
    /// true if it was touched since the last call: its mode, owner or name may have changed, or somebody
    /// wrote to it and put the time back, which only its content tells.
    bool touched() {
        const struct stat last = std::exchange(seen_, status());
        if (seen_.st_size != before_.st_size || !same(seen_.st_mtim, before_.st_mtim)) throw_changed();
        return !same(seen_.st_ctim, last.st_ctim);
    }
    /// Throws because what is read now is not what was copied, if that may be its own doing.
    void throw_if_ever_touched() {
        if (touched() || !same(seen_.st_ctim, before_.st_ctim)) throw_changed();
    }
    /// Throws because it ended earlier or later than its size says.
    [[noreturn]] void throw_other_size() {
        throw_if_ever_touched();
        throw std::runtime_error(name() + " has another size than it says, as files of /sys do: use cp");
    }

private:
    static bool same(const timespec& a, const timespec& b) noexcept {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    }
    [[noreturn]] void throw_changed() const {
        throw std::runtime_error(name() +
                                 " changed while it was copied: copy it again when nobody writes to it");
    }
    /// Looks before it opens: opening a device can have effects. O_NONBLOCK: what was a file may be a FIFO
    /// now.
    static int open_regular(const std::filesystem::path& path) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0) fail(errno, "opening " + quoted(path));
        check_regular(status, quoted(path));
        return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }

    struct stat before_;
    struct stat seen_; // at the last look
};

} // namespace uring_copy
