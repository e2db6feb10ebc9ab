// SPDX-License-Identifier: BSL-1.0
// Memory of the caller's on the real kernel: locked, registered, refused.
#include "gup/caller_memory.hpp"

#include "gup/domain/io_uring.hpp"
#include "gup/domain/mlock.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/ring_scene.hpp"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace {

using gup::dma_access;
using gup_test::completion;
using gup_test::contains;
using gup_test::failure_of;
using gup_test::mapping;
using gup_test::memory_file;
using gup_test::page_bytes;
using gup_test::pattern;
using gup_test::private_pages;
using gup_test::same;
using gup_test::scratch_file;

/// A ring and its domain; the test is skipped if this machine has no io_uring.
struct stage {
    using domain = gup::io_uring_domain<>;

    stage() {
        if (gup_test::have(r.ok(), r.why_not())) d.emplace(r.handle());
    }
    bool ok() const { return d.has_value(); }

    gup_test::ring r{};
    std::optional<domain> d{};
};

/// Shared memory that the kernel itself cannot read; not valid where it has no such thing.
int secret_memory() { return static_cast<int>(::syscall(447, 0)); } // memfd_secret, Linux 5.14

/// Makes every call of a pin fail, one after the other; true if one was refused for want of the mappings.
template <class Kernel>
bool fail_every_call() {
    using kernel = gup_test::failing_kernel<Kernel>;
    using domain = gup::basic_mlock_domain<kernel>;
    domain d;
    private_pages memory(2);
    kernel::plan_nothing();
    gup::put_user_page(gup::get_user_pages(d, memory.all()), gup::clean); // what stays for the process
    const std::size_t mapped = kernel::mapped.bytes();
    kernel::plan_nothing();
    auto counted = gup::get_user_pages(d, memory.all());
    const int calls = kernel::calls;
    gup::put_user_page(std::move(counted), gup::clean);
    REQUIRE(calls >= 3);

    int refused = 0;
    bool told_of_maps = false;
    for (int number = 1; number <= calls; ++number) {
        kernel::plan(number, ENOMEM);
        gup::pin_failure failure;
        auto ref = gup::try_get_user_pages(d, memory.all(), failure);
        kernel::plan_nothing();
        if (!ref) {
            ++refused;
            CHECK(failure.code);
            told_of_maps = told_of_maps || contains(failure.message(), "reading /proc/self/maps");
            CHECK_FALSE(gup::find_get_page(d, memory.page(0)).has_value());
        }
        ref.reset();
        CHECK(kernel::locked.bytes() == 0);
        CHECK(kernel::mapped.bytes() == mapped);
    }
    CHECK(refused >= 2);
    return told_of_maps;
}

} // namespace

TEST_CASE("the caller's memory is locked from the first get to the last put") {
    gup::mlock_domain domain;
    private_pages memory(4);
    const std::size_t before = gup_test::locked_memory();

    auto ref = gup::get_user_pages(domain, memory.range(1, 2));
    auto second = gup::get_user_pages(domain, memory.range(1, 2));
    CHECK(gup_test::locked_memory() == before + 2 * page_bytes());
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(gup_test::locked_memory() == before + 2 * page_bytes());
    gup::put_user_page(std::move(second), gup::clean);
    CHECK(gup_test::locked_memory() == before);
}

TEST_CASE("memory of a file is locked once, at whichever address") {
    gup::mlock_domain domain;
    memory_file file(2);
    mapping first(file.fd(), 0, 2), second(file.fd(), 0, 2);
    const std::size_t before = gup_test::locked_memory();

    auto base = gup::get_user_pages(domain, first.all());
    auto ref = gup::get_user_pages(domain, second.all());
    CHECK(gup_test::locked_memory() == before + 2 * page_bytes());
    CHECK(gup::page_to_pfn(ref) == gup::page_to_pfn(base));
    ref.bytes()[5] = std::byte{9};
    CHECK(base.bytes()[5] == std::byte{9});
    gup::put_user_page(std::move(base), gup::clean);
    CHECK(gup_test::locked_memory() == before + 2 * page_bytes());
    gup::put_user_page(std::move(ref), gup::dirty);
    CHECK(gup_test::locked_memory() == before);
}

TEST_CASE("secret memory and the memory of no mapping are refused by name") {
    gup::mlock_domain domain;
    private_pages memory(3);
    // what the first pin of a process maps must not fill the hole
    gup::put_user_page(gup::get_user_pages(domain, memory.range(0, 1)), gup::clean);
    memory.make_hole(1);
    const auto hole = failure_of([&] { auto ref = gup::get_user_pages(domain, memory.all()); });
    CHECK(hole.code == std::errc::bad_address);
    CHECK(contains(hole.message(), "nothing is mapped at"));

    const int fd = secret_memory();
    if (fd < 0) return gup_test::skip_optional("this kernel has no memfd_secret");
    const gup_test::descriptor keeper(fd);
    REQUIRE(::ftruncate(fd, static_cast<off_t>(page_bytes())) == 0);
    mapping secret(fd, 0, 1);
    const auto refused = failure_of([&] { auto ref = gup::get_user_pages(domain, secret.all()); });
    CHECK(refused.code == std::errc::operation_not_supported);
    CHECK(contains(refused.message(), "memfd_secret"));
}

TEST_CASE("an operation reads into memory of the caller's and writes it") {
    stage s;
    if (!s.ok()) return;
    private_pages memory(3);
    const auto content = pattern(memory.all().size());
    const scratch_file file(content);

    auto ref = gup::get_user_pages(*s.d, memory.all());
    CHECK(gup_test::slots_of(s.r).size() == 1);
    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::ref_user_page(ref), 0);
    const completion read = s.r.submit_and_wait();
    CHECK(read.res == static_cast<int>(content.size()));
    gup::put_user_page(gup::complete(*s.d, read), gup::clean);
    CHECK(same(memory.all(), content));
    CHECK(gup::page_dirty(ref));

    auto token = gup::prep_write_fixed(s.r.entry(), file.fd(), std::move(ref), 0,
                                       {.part = {.offset = 100, .length = 5000}, .user_data = 77});
    auto back = gup::complete(std::move(token), s.r.submit_and_wait());
    CHECK(same(file.content(0, 5000), std::span(content).subspan(100, 5000)));
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(gup_test::slots_of(s.r).empty());
}

TEST_CASE("a second mapping does its operations through the pin of the first") {
    stage s;
    if (!s.ok()) return;
    memory_file shared(2);
    mapping first(shared.fd(), 0, 2), second(shared.fd(), 0, 2);
    const auto content = pattern(first.all().size());
    const scratch_file file(content);

    auto base = gup::get_user_pages(*s.d, first.all());
    auto ref = gup::get_user_pages(*s.d, second.all());
    CHECK(gup_test::slots_of(s.r).size() == 1);
    gup::put_user_page(std::move(base), gup::clean);
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(ref), 0);
    const completion read = s.r.submit_and_wait();
    CHECK(read.res == static_cast<int>(content.size()));
    auto back = gup::complete(*s.d, read);
    CHECK(back.bytes().data() == second.page(0));
    CHECK(same(back.bytes(), content));
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(gup_test::slots_of(s.r).empty());
}

TEST_CASE("one operation reads across the wrap of a mirror") {
    stage s;
    if (!s.ok()) return;
    memory_file shared(2);
    mapping mirror(shared.fd(), 0, 2, MAP_SHARED, 2);
    const std::size_t half = 2 * page_bytes();
    const auto content = pattern(half);
    const scratch_file file(content);

    auto ref = gup::get_user_pages(*s.d, mirror.all());
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(ref), 0,
                         {.part = {.offset = half - 1000, .length = half}});
    const completion read = s.r.submit_and_wait();
    CHECK(read.res == static_cast<int>(half));
    auto back = gup::complete(*s.d, read);
    CHECK(same(back.bytes().subspan(half - 1000, half), content));
    CHECK(same(back.bytes().subspan(0, half - 1000), std::span(content).subspan(1000)));
    CHECK(gup::page_to_pfn(back) == reinterpret_cast<std::uintptr_t>(mirror.page(0)) >> 12);
    auto high = gup::find_get_page(*s.d, mirror.page(3));
    REQUIRE(high.has_value());
    CHECK(&gup::page_descriptor(*high) == &gup::page_descriptor(back));
    gup::put_user_page(std::move(back), gup::clean);
}

TEST_CASE("what io_uring refuses is named") {
    stage s;
    if (!s.ok()) return;
    mapping read_only(-1, 0, 1, MAP_PRIVATE | MAP_ANONYMOUS, 1, PROT_READ);
    const auto refused = failure_of(
        [&] { auto ref = gup::get_user_pages(*s.d, std::span<const std::byte>(read_only.all())); });
    CHECK(contains(refused.message(), "is mapped read-only"));
    CHECK(gup_test::slots_of(s.r).empty());

    const auto on_disk = scratch_file::direct();
    if (!on_disk.ok()) return gup_test::skip_optional("no O_TMPFILE here");
    REQUIRE(::ftruncate(on_disk.fd(), static_cast<off_t>(page_bytes())) == 0);
    mapping of_file(on_disk.fd(), 0, 1);
    gup::pin_failure failure;
    const auto ref = gup::try_get_user_pages(*s.d, of_file.all(), failure);
    if (ref.has_value()) return gup_test::skip_optional("this file system is one that io_uring pins");
    CHECK(contains(failure.message(), "is a shared mapping of "));
    CHECK(gup_test::slots_of(s.r).empty());
}

TEST_CASE("memory that was mapped anew under a pin is what the next pin reads into") {
    stage s;
    if (!s.ok()) return;
    for (const bool touched : {false, true}) {
        private_pages memory(2);
        const auto content = pattern(memory.all().size());
        const scratch_file file(content);
        std::memset(memory.page(0), 1, memory.all().size());
        auto stale = gup::get_user_pages(*s.d, memory.all());
        REQUIRE(::munmap(memory.page(0), memory.all().size()) == 0);
        REQUIRE(::mmap(memory.page(0), memory.all().size(), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory.page(0));
        if (touched) std::memset(memory.page(0), 2, memory.all().size());

        gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_pages(*s.d, memory.all()), 0);
        auto fresh = gup::complete(*s.d, s.r.submit_and_wait());
        CHECK(same(memory.all(), content));
        CHECK(gup_test::slots_of(s.r).size() == 2);
        gup::put_user_page(std::move(stale), gup::clean);
        gup::put_user_page(std::move(fresh), gup::clean);
        CHECK(gup_test::slots_of(s.r).empty());
    }
}

TEST_CASE("memory beyond the end of its file is refused for what it is") {
    stage s;
    if (!s.ok()) return;
    memory_file file(2);
    mapping memory(file.fd(), 0, 3);
    for (const std::size_t first : {0U, 2U}) {
        const auto refused =
            failure_of([&] { auto ref = gup::get_user_pages(*s.d, memory.range(first, 3 - first)); });
        CHECK(refused.code == std::errc::bad_address);
        CHECK(contains(refused.message(), "lies beyond the end of its file"));
        CHECK_FALSE(contains(refused.message(), "no shared files"));
    }
    auto within = gup::get_user_pages(*s.d, memory.range(0, 2));
    gup::put_user_page(std::move(within), gup::clean);

    gup::mlock_domain locks;
    const auto refused = failure_of([&] { auto ref = gup::get_user_pages(locks, memory.all()); });
    CHECK(contains(refused.message(), "lies beyond the end of its file"));
    CHECK_FALSE(contains(refused.message(), "on_fault"));
}

TEST_CASE("no call that fails leaves anything pinned, mapped or half done") {
    struct only_text : gup::system_kernel {
        static int query_maps(gup::detail::page_range, std::string&) noexcept { return -ENOTTY; }
    };
    fail_every_call<gup::system_kernel>(); // the text is read if the kernel cannot be asked
    CHECK(fail_every_call<only_text>());
}
