// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The copy while it is made: a file with a temporary name that takes its place when it is complete.

#include "files.hpp"

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
    return place;
}

/// A new file beside `place`, removed again unless it is published.
class replacement {
public:
    explicit replacement(const std::filesystem::path& place)
        : name_(place.filename()),
          directory_(open_directory(place), "the directory of " + quoted(place)),
          temporary_(template_beside(place)),
          file_(::mkostemp(temporary_.data(), O_CLOEXEC), "a temporary file beside " + quoted(place)) {
        file_.try_direct();
    }
    replacement(const replacement&) = delete;
    replacement& operator=(const replacement&) = delete;
    ~replacement() {
        if (!pending_) return;
        // by descriptor: the directory may have been renamed meanwhile
        ::unlinkat(directory_.fd(), temporary_name(), 0);
        // a worker of the ring may keep the file open a moment longer, but the next copy may need its room
        static_cast<void>(::ftruncate(file_.fd(), 0));
    }

    open_file& file() noexcept { return file_; }

    /// Gives it its size, and its blocks if the source has no holes: a full disk shows before anything is
    /// copied, and writes that extend a file or allocate would wait for each other.
    void make_room(const source_file& source) {
        resize(source.size());
        if (source.has_holes() || source.size() == 0) return;
        if (::fallocate(file_.fd(), 0, 0, static_cast<off_t>(source.size())) == 0) return;
        if (errno == ENOSPC || errno == EDQUOT) fail(errno, "making room for " + file_.name());
    }

    /// Gives it its size and mode and waits until it is on the disk.
    void finish(const source_file& source) {
        resize(source.size());
        if (::fchmod(file_.fd(), source.permissions()) != 0)
            fail(errno, "setting the mode of " + file_.name());
        if (::fsync(file_.fd()) != 0) fail(errno, "writing " + file_.name());
        // where --verify cannot bypass the page cache it is to find nothing there
        ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED);
    }

    /// Lets it take its place, atomically.
    void publish() {
        if (::renameat(directory_.fd(), temporary_name(), directory_.fd(), name_.c_str()) != 0)
            fail(errno, "renaming " + file_.name());
        pending_ = false;
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
    static std::string template_beside(const std::filesystem::path& place) {
        return parent_of(place) / ".uring_copy.XXXXXX";
    }
    void resize(std::uint64_t size) {
        if (::ftruncate(file_.fd(), static_cast<off_t>(size)) != 0)
            fail(errno, "making room for " + file_.name());
    }
    const char* temporary_name() const noexcept { return temporary_.c_str() + temporary_.rfind('/') + 1; }

    std::filesystem::path name_;
    open_file directory_;
    std::string temporary_;
    open_file file_;
    bool pending_ = true;
};

} // namespace uring_copy
