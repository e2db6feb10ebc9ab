// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The copy while it is made: a file without a name that takes its place when it is complete.

#include "files.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace uring_copy {

/// The place of the copy: in the directory `destination` or instead of the file of that name, symbolic links
/// followed. Throws if nothing may be put there.
inline std::filesystem::path place_for(const std::filesystem::path& path, const source_file& source,
                                       const std::filesystem::path& destination) {
    std::error_code unknown;
    auto place =
        std::filesystem::is_directory(destination, unknown) ? destination / path.filename() : destination;
    if (std::filesystem::is_symlink(place, unknown)) {
        auto linked = std::filesystem::canonical(place, unknown);
        if (unknown) fail(unknown.value(), "following the symbolic link " + quoted(place));
        place = std::move(linked);
    }
    struct stat there {};
    if (::stat(place.c_str(), &there) != 0) {
        if (errno == ENOENT) return place;
        fail(errno, "looking at " + quoted(place));
    }
    if (source.is(there))
        throw std::runtime_error(source.name() + " and " + quoted(place) + " are the same file");
    check_regular(there, quoted(place));
    if (::access(place.c_str(), W_OK) != 0) fail(errno, "replacing " + quoted(place));
    return place;
}

/// A new file that takes its place when it is complete. Until then it has no name where the file system can
/// do that: whatever ends the program, nothing is left. Elsewhere it has a name beside its place, which goes
/// with this object.
class replacement {
public:
    replacement(const std::filesystem::path& place, const source_file& source)
        : place_(place),
          name_(place.filename()),
          directory_(open_directory(place), "the directory of " + quoted(place)),
          replaces_(::fstatat(directory_.fd(), name_.c_str(), &before_, 0) == 0),
          // as for cp, the umask or the access list of the directory takes rights from a new file
          file_(make(replaces_ ? S_IRUSR | S_IWUSR : source.permissions()),
                "a temporary file beside " + quoted(place)) {
        file_.try_direct();
    }
    replacement(const replacement&) = delete;
    replacement& operator=(const replacement&) = delete;
    ~replacement() {
        if (published_) return;
        // by descriptor: the directory may have been renamed meanwhile
        if (!temporary_.empty()) ::unlinkat(directory_.fd(), temporary_.c_str(), 0);
        // a worker of the ring may keep the file open a moment longer, but the next copy may need its room
        static_cast<void>(::ftruncate(file_.fd(), 0));
    }

    open_file& file() noexcept { return file_; }

    /// Gives it the owner and the rights of the file that it replaces, its size, and its blocks if the source
    /// has no holes: what cannot be is told before anything is copied, and writes that extend a file or
    /// allocate would wait for each other.
    void make_room(const source_file& source) {
        if (replaces_) keep_rights();
        resize(source.size());
        if (source.has_holes() || source.size() == 0) return;
        if (::fallocate(file_.fd(), 0, 0, static_cast<off_t>(source.size())) == 0) return;
        if (errno == ENOSPC || errno == EDQUOT) fail(errno, "making room for " + file_.name());
    }

    /// Gives it its size and waits until it is on the disk.
    void finish(const source_file& source) {
        resize(source.size());
        if (::fsync(file_.fd()) != 0) fail(errno, "writing " + file_.name());
        // where --verify cannot bypass the page cache it is to find nothing there
        ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED);
    }

    /// Lets it take its place, atomically.
    void publish() {
        if (!temporary_.empty() || replaces_ || !try_link(name_.c_str())) {
            if (temporary_.empty() && !with_new_name([&](const char* name) { return try_link(name); }))
                fail(errno, "naming " + file_.name());
            if (::renameat(directory_.fd(), temporary_.c_str(), directory_.fd(), name_.c_str()) != 0)
                fail(errno, "renaming " + file_.name());
        }
        published_ = true;
        if (::fsync(directory_.fd()) != 0 && errno != EINVAL)
            fail(errno, "writing " + directory_.name() + ", the copy is complete,");
    }

private:
    static std::filesystem::path parent_of(const std::filesystem::path& place) {
        return place.has_parent_path() ? place.parent_path() : ".";
    }
    static int open_directory(const std::filesystem::path& place) {
        return ::open(parent_of(place).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    /// What a file without a name is named by.
    static std::string link_to(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

    int make(mode_t mode) {
        int fd = ::openat(directory_.fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
        if (fd >= 0 && ::access(link_to(fd).c_str(), F_OK) == 0) return fd;
        if (fd >= 0) ::close(fd); // without /proc it could not be given a name
        with_new_name([&](const char* name) {
            fd = ::openat(directory_.fd(), name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
            return fd >= 0;
        });
        return fd;
    }
    /// False if it has failed for another reason than that the name is taken.
    template <class Attempt>
    bool with_new_name(Attempt attempt) {
        for (unsigned number = 0;; ++number) {
            temporary_ = ".uring_copy." + std::to_string(::getpid()) + '.' + std::to_string(number);
            if (attempt(temporary_.c_str())) return true;
            if (errno == EEXIST) continue;
            temporary_.clear();
            return false;
        }
    }
    bool try_link(const char* name) const {
        return ::linkat(AT_FDCWD, link_to(file_.fd()).c_str(), directory_.fd(), name, AT_SYMLINK_FOLLOW) == 0;
    }

    void keep_rights() {
        const struct stat now = file_.status();
        if ((now.st_uid != before_.st_uid || now.st_gid != before_.st_gid) &&
            ::fchown(file_.fd(), before_.st_uid, before_.st_gid) != 0)
            fail(errno, "keeping the owner of " + quoted(place_) + ", remove it if the copy may be yours,");
        constexpr const char* access_list = "system.posix_acl_access";
        char list[4096];
        const ssize_t length = ::getxattr(place_.c_str(), access_list, list, sizeof list);
        if (length < 0 && errno != ENODATA && errno != ENOTSUP)
            fail(errno, "reading the access list of " + quoted(place_));
        const int kept = length > 0
                             ? ::fsetxattr(file_.fd(), access_list, list, static_cast<std::size_t>(length), 0)
                             : ::fremovexattr(file_.fd(), access_list); // that of the directory
        if (kept != 0 && length > 0) fail(errno, "keeping the access list of " + quoted(place_));
        if (::fchmod(file_.fd(), before_.st_mode & 0777) != 0)
            fail(errno, "keeping the mode of " + quoted(place_));
    }
    void resize(std::uint64_t size) {
        if (::ftruncate(file_.fd(), static_cast<off_t>(size)) != 0)
            fail(errno, "making room for " + file_.name());
    }

    std::filesystem::path place_;
    std::filesystem::path name_;
    open_file directory_;
    struct stat before_ {}; // of the file that it replaces
    bool replaces_;
    std::string temporary_{}; // its name, if it has one already
    open_file file_;
    bool published_ = false;
};

} // namespace uring_copy
