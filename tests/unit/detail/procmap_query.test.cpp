// SPDX-License-Identifier: BSL-1.0
// The mappings that the kernel is asked for one by one, beside the text of all of them.
#include "gup/detail/procmap_query.hpp"

#include "gup/detail/vma.hpp"
#include "gup/kernel.hpp"
#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/scratch_file.hpp"
#include "gup_test/skip.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <rapidcheck.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <tuple>
#include <unistd.h>
#include <vector>

using gup::detail::page_range;
using gup::detail::vma;
using namespace gup_test;

namespace {

using kernel = gup::system_kernel;

/// A kernel that has only the text.
struct old_kernel : gup::system_kernel {
    static int query_maps(page_range, std::string&) noexcept { return -ENOTTY; }
};

page_range pages_of(std::span<std::byte> range) { return gup::detail::touched_pages(range, page_bytes()); }

bool same(const vma& a, const vma& b) {
    return a.pages == b.pages && a.readable == b.readable && a.writable == b.writable &&
           a.executable == b.executable && a.shared == b.shared && a.offset == b.offset &&
           a.device == b.device && a.inode == b.inode && a.name == b.name;
}
std::vector<vma> in_range(std::string_view maps, page_range pages) {
    std::vector<vma> found;
    gup::detail::for_each_vma(maps, [&](const vma& mapping) {
        if (!intersection(mapping.pages, pages).empty()) found.push_back(mapping);
    });
    return found;
}
/// True if one by one the mappings are what the text says of them, and no others.
bool both_ways_agree(page_range pages) {
    std::string one_by_one, text;
    if (kernel::query_maps(pages, one_by_one) != 0 || kernel::read_text("/proc/self/maps", text) != 0)
        return false;
    const auto asked = in_range(one_by_one, pages), read = in_range(text, pages);
    const auto lines = std::count(one_by_one.begin(), one_by_one.end(), '\n');
    return static_cast<std::size_t>(lines) == asked.size() &&
           std::equal(asked.begin(), asked.end(), read.begin(), read.end(), &same);
}
bool can_be_asked() {
    std::string text;
    return have_optional(kernel::query_maps({0, 1}, text) != -ENOTTY, "PROCMAP_QUERY came with Linux 6.11");
}

/// Addresses to map things at.
class area {
public:
    static constexpr std::size_t pages = 32;
    area() : at_(::mmap(nullptr, pages * page_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        REQUIRE(at_ != MAP_FAILED);
    }
    area(const area&) = delete;
    area& operator=(const area&) = delete;
    ~area() { ::munmap(at_, pages * page_bytes()); }

    void* page(std::size_t number) const { return static_cast<std::byte*>(at_) + number * page_bytes(); }
    page_range range(std::size_t first, std::size_t count) const {
        const auto begin = reinterpret_cast<std::uintptr_t>(page(first));
        return {begin, begin + count * page_bytes()};
    }
    void map(std::size_t first, std::size_t count, int protection, int flags, int fd) const {
        ::mmap(page(first), count * page_bytes(), protection, flags | MAP_FIXED, fd,
               static_cast<off_t>(first * page_bytes()));
    }

private:
    void* at_;
};

/// A folder of the test's own, which goes with all that was made in it.
class folder {
public:
    folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { static_cast<void>(std::system(("rm -rf " + path_).c_str())); }
    const std::string& path() const { return path_; }

    descriptor file(const std::string& name) const { return make(::open(path_.c_str(), O_PATH), name); }
    /// A file below so many folders.
    descriptor deep_file(int folders) const {
        const std::string name(200, 'd');
        int at = ::open(path_.c_str(), O_PATH | O_CLOEXEC);
        for (int i = 0; i < folders; ++i) {
            REQUIRE(::mkdirat(at, name.c_str(), 0700) == 0);
            const int below = ::openat(at, name.c_str(), O_PATH | O_CLOEXEC);
            ::close(at);
            at = below;
        }
        return make(at, "file");
    }

private:
    static descriptor make(int in, const std::string& name) {
        descriptor made(::openat(in, name.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        ::close(in);
        REQUIRE(made.ok());
        REQUIRE(::ftruncate(made.fd(), static_cast<off_t>(area::pages * page_bytes())) == 0);
        return made;
    }
    std::string path_ = "gup-test-XXXXXX";
};

} // namespace

TEST_CASE("an answer of the kernel becomes a line of /proc/self/maps") {
    std::string text;
    const char name[] = "/a\nb (deleted)";
    gup::detail::append_maps_line(text,
                                  {.vma_start = 0x1000,
                                   .vma_end = 0x3000,
                                   .vma_flags = 0xb,
                                   .vma_offset = 0x4000,
                                   .inode = 17,
                                   .dev_major = 0xfd,
                                   .dev_minor = 0x1a,
                                   .vma_name_size = sizeof name},
                                  name);
    gup::detail::append_maps_line(text, {.vma_start = 0x3000, .vma_end = 0x4000, .vma_flags = 4}, "");
    CHECK(text == "1000-3000 rw-s 4000 fd:1a 17 /a\\012b (deleted)\n3000-4000 --xp 0 0:0 0 \n");
    CHECK(gup::detail::parse_vma(text)->shared);
}

TEST_CASE("the mappings one by one are those of the text, whatever they are of") {
    if (!can_be_asked()) return;
    const folder own;
    memory_file memory(area::pages);
    const descriptor named = own.file("a b "), removed = own.file("removed"), lines = own.file("two\nlines"),
                     deep = own.deep_file(15);
    REQUIRE(::unlink((own.path() + "/removed").c_str()) == 0);
    const std::vector<int> files = {-1, memory.fd(), named.fd(), removed.fd(), lines.fd(), deep.fd()};

    using numbers = std::tuple<unsigned, unsigned, unsigned, unsigned>;
    CHECK(rc::check("mappings one by one against the text", [&](const std::vector<numbers>& steps) {
        const area here;
        for (const auto& [what, first, count, how] : steps) {
            const std::size_t at = first % area::pages;
            const std::size_t pages = 1 + count % (area::pages - at);
            const int fd = files[what % files.size()];
            const int flags = (how % 2 == 0 ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0);
            if (what % 7 == 6)
                ::munmap(here.page(at), pages * page_bytes());
            else
                here.map(at, pages, static_cast<int>(how / 2 % 8), flags, fd);
        }
        RC_ASSERT(both_ways_agree(here.range(0, area::pages)));
        for (const auto& [what, first, count, how] : steps)
            RC_ASSERT(both_ways_agree(
                here.range(first % area::pages, 1 + count % (area::pages - first % area::pages))));
    }));
    CHECK(both_ways_agree({0, std::uintptr_t{1} << 46})); // the program itself, and what it is made of
}

TEST_CASE("mappings of huge pages one by one are those of the text") {
    if (!can_be_asked()) return;
    constexpr std::size_t huge = std::size_t{2} << 20;
    void* const at = ::mmap(nullptr, huge, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
    if (!have_optional(at != MAP_FAILED, "no hugetlb pages here")) return;
    CHECK(both_ways_agree(pages_of({static_cast<std::byte*>(at), huge})));
    ::munmap(at, huge);
}

TEST_CASE("a name that is too long to be asked for is read in the text") {
    const folder own;
    const descriptor deep = own.deep_file(25);
    const area here;
    here.map(3, 1, PROT_READ, MAP_SHARED, deep.fd());
    std::string maps;
    CHECK(kernel::query_maps(here.range(3, 1), maps) < 0);
    REQUIRE(gup::detail::read_maps<kernel>(here.range(3, 1), maps) == 0);
    const auto found = in_range(maps, here.range(3, 1));
    REQUIRE(found.size() == 1);
    CHECK(found[0].name.size() > 5000);
    CHECK(found[0].name.ends_with("/file"));
}

TEST_CASE("where the kernel cannot be asked the text says the same") {
    memory_file file(2);
    mapping memory(file.fd(), 1, 1);
    std::string asked, text;
    REQUIRE(gup::detail::read_maps<kernel>(pages_of(memory.all()), asked) == 0);
    REQUIRE(gup::detail::read_maps<old_kernel>(pages_of(memory.all()), text) == 0);
    const auto one = in_range(asked, pages_of(memory.all())), other = in_range(text, pages_of(memory.all()));
    REQUIRE((one.size() == 1 && other.size() == 1));
    CHECK(same(one[0], other[0]));
}

TEST_CASE("a forked child asks for mappings of its own") {
    private_pages memory(2);
    const auto child = in_child([&] {
        if (::munmap(memory.page(0), page_bytes()) != 0) return 1;
        std::string maps;
        if (gup::detail::read_maps<kernel>(pages_of(memory.all()), maps) != 0) return 2;
        const auto found = in_range(maps, pages_of(memory.all()));
        return found.size() == 1 && found[0].pages.begin == pages_of(memory.range(1, 1)).begin ? 0 : 3;
    });
    CHECK(child.exited_with(0));
}

TEST_CASE("without a free descriptor nothing is known of the mappings") {
    const auto child = in_child([] {
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
        std::string maps;
        return gup::detail::read_maps<kernel>({0x1000, 0x2000}, maps) == -EMFILE ? 0 : 2;
    });
    CHECK(child.exited_with(0));
}
