// SPDX-License-Identifier: BSL-1.0
// Mappings of different files that have the same device and inode number in /proc/self/maps.
#include "gup/caller_memory.hpp"

#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pretend_domain.hpp"
#include "gup_test/scratch_file.hpp"
#include "gup_test/skip.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <regex>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace {

using gup::dma_access;
using gup_test::descriptor;
using gup_test::mapping;
using gup_test::page_bytes;

/// Shows every memfd with the same inode number, as files of a subvolume and of its snapshot have it.
struct subvolumes : gup::system_kernel {
    static int query_maps(gup::detail::page_range pages, std::string& text) {
        return renumber(gup::system_kernel::query_maps(pages, text), text);
    }
    static int read_text(const char* path, std::string& text) {
        return renumber(gup::system_kernel::read_text(path, text), text);
    }

private:
    static int renumber(int result, std::string& text) {
        text = std::regex_replace(text, std::regex("[0-9]+( +/memfd:)"), "7$1");
        return result;
    }
};
/// One page, named like a file in it.
descriptor file_of(const char* subvolume) {
    descriptor file(::memfd_create(subvolume, MFD_CLOEXEC));
    REQUIRE(::ftruncate(file.fd(), static_cast<off_t>(page_bytes())) == 0);
    return file;
}

/// An overlay for this process alone, and a file in its lower layer; empty where it cannot be mounted.
std::optional<std::string> file_in_overlay(const std::string& at) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", at.c_str(), "tmpfs", 0, nullptr) != 0)
        return std::nullopt;
    for (const char* const part : {"/lower", "/upper", "/work", "/all"})
        if (::mkdir((at + part).c_str(), 0700) != 0) return std::nullopt;
    const descriptor file(::open((at + "/lower/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    if (::ftruncate(file.fd(), static_cast<off_t>(page_bytes())) != 0) return std::nullopt;
    const std::string layers = "lowerdir=" + at + "/lower,upperdir=" + at + "/upper,workdir=" + at + "/work";
    if (::mount("none", (at + "/all").c_str(), "overlay", 0, layers.c_str()) != 0) return std::nullopt;
    return at + "/all/file";
}

} // namespace

TEST_CASE("files of two subvolumes are not the same memory, those of one are") {
    gup_test::pretend_domain<subvolumes> domain;
    const descriptor file = file_of("volume/file"), snapshot = file_of("snapshot/file");
    const mapping first(file.fd(), 0, 1), second(file.fd(), 0, 1), other(snapshot.fd(), 0, 1);

    const auto base = gup::get_user_pages(domain, first.all());
    const auto same = gup::get_user_pages(domain, second.all());
    const auto own = gup::get_user_pages(domain, other.all());

    CHECK(&gup::page_descriptor(same) == &gup::page_descriptor(base));
    CHECK(&gup::page_descriptor(own) != &gup::page_descriptor(base));
    CHECK(domain.log->pins == 2);
}

TEST_CASE("a file that an overlay has copied up is not the same memory as before") {
    std::string at = "gup-overlay-XXXXXX";
    REQUIRE(::mkdtemp(at.data()) != nullptr);
    constexpr int cannot = 77;
    const auto child = gup_test::in_child([&] {
        const auto path = file_in_overlay(at);
        if (!path) return cannot;
        const descriptor before(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
        const mapping lower(before.fd(), 0, 1, MAP_SHARED, 1, PROT_READ);
        const descriptor after(::open(path->c_str(), O_RDWR | O_CLOEXEC)); // copies it up
        const mapping upper(after.fd(), 0, 1);
        upper.page(0)[0] = std::byte{1};
        if (lower.page(0)[0] != std::byte{0}) return 1;
        gup_test::pretend_domain<> domain;
        const auto base = gup::get_user_pages(domain, upper.all());
        const auto own = gup::get_user_pages<dma_access::read>(domain, lower.all());
        return &gup::page_descriptor(own) != &gup::page_descriptor(base) ? 0 : 2;
    });
    ::rmdir(at.c_str());
    if (child.exited_with(cannot)) return gup_test::skip_optional("an overlay cannot be mounted here");
    INFO("status " << child.status << " " << child.said);
    CHECK(child.exited_with(0));
}
