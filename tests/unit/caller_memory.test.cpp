// SPDX-License-Identifier: BSL-1.0
#include "gup/caller_memory.hpp"

#include "gup/local.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/proxies.hpp"

#include <cerrno>
#include <cstring>
#include <limits>
#include <sys/mman.h>
#include <thread>
#include <vector>

using namespace gup_test;
using gup::dma_access;

namespace {

/// Why the memory cannot be pinned; the test fails if it can.
template <dma_access Access = dma_access::read_write>
gup::pin_failure refusal_of(pretended& domain, std::span<std::byte> memory) {
    gup::pin_failure failure;
    const auto ref = gup::try_get_user_pages<Access>(domain, memory, failure);
    CHECK_FALSE(ref.has_value());
    return failure;
}

/// A kernel whose mappings can be seen, or not.
struct blind : gup::system_kernel {
    static inline bool sees = false;
    static int query_maps(gup::detail::page_range pages, std::string& text) {
        return sees ? gup::system_kernel::query_maps(pages, text) : -EMFILE;
    }
    static int read_text(const char* path, std::string& text) {
        return sees ? gup::system_kernel::read_text(path, text) : -EMFILE;
    }
};

} // namespace

TEST_CASE("memory of the caller's is pinned as one page of any length until its last put") {
    pretended domain;
    private_pages memory(5);

    auto ref = gup::get_user_pages(domain, memory.all());
    STATIC_REQUIRE(std::is_same_v<decltype(ref), writer_ref>);
    CHECK(ref.bytes().data() == memory.page(0));
    CHECK(ref.size() == memory.all().size());
    CHECK(gup::page_address(ref) == memory.page(0));
    CHECK(gup::page_to_pfn(ref) == reinterpret_cast<std::uintptr_t>(memory.page(0)) >> 12);
    CHECK(gup::page_maybe_dma_pinned(ref));
    CHECK_FALSE(gup::page_mapping(ref));
    CHECK(gup::page_index(ref) == 0);
    CHECK(domain.log->pins == 1);

    auto second = gup::ref_user_page<dma_access::read>(ref);
    gup::put_user_page(std::move(ref), gup::dirty);
    CHECK(gup::page_dirty(second));
    CHECK(domain.log->releases == 0);
    gup::put_user_page(std::move(second));
    CHECK(domain.log->releases == 1);
}

TEST_CASE("const memory is pinned for reading") {
    pretended domain;
    mapping memory(-1, 0, 1, MAP_PRIVATE | MAP_ANONYMOUS, 1, PROT_READ);

    auto ref = gup::get_user_pages(domain, std::span<const std::byte>(memory.all()));
    STATIC_REQUIRE(std::is_same_v<decltype(ref), reader_ref>);
    CHECK(ref.bytes().data() == memory.page(0));
    auto also = gup::get_user_pages<dma_access::read>(domain, memory.all());
    CHECK(also.bytes().data() == ref.bytes().data());
    CHECK(domain.log->pins == 1);
}

TEST_CASE("the same range pinned once more shares the descriptor and the pin") {
    pretended domain;
    private_pages memory(3);
    auto first = gup::get_user_pages(domain, memory.all());
    auto copy = domain;

    auto second = gup::get_user_pages(copy, memory.all());
    CHECK(&gup::page_descriptor(first) == &gup::page_descriptor(second));
    CHECK(domain.log->pins == 1);
    gup::put_user_page(std::move(first), gup::clean);
    CHECK(domain.log->releases == 0);
    gup::put_user_page(std::move(second), gup::clean);
    CHECK(domain.log->releases == 1);

    auto third = gup::get_user_pages(domain, memory.range(1, 1));
    CHECK(domain.log->pins == 2);
}

TEST_CASE("memory that was unmapped and mapped anew under a pin gets a pin of its own") {
    for (const bool touched : {false, true})
        for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 3}, {1, 1}, {2, 1}}) {
            pretended domain;
            private_pages memory(3);
            auto stale = gup::get_user_pages(domain, memory.all());
            gup::set_page_dirty(stale);
            REQUIRE(::munmap(memory.page(first), count * page_bytes()) == 0);
            CHECK(contains(refusal_of(domain, memory.all()).message(), "nothing is mapped"));
            REQUIRE(::mmap(memory.page(first), count * page_bytes(), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory.page(first));
            if (touched) std::memset(memory.page(0), 1, memory.all().size());

            auto fresh = gup::get_user_pages(domain, memory.all());
            CHECK(&gup::page_descriptor(fresh) != &gup::page_descriptor(stale));
            CHECK_FALSE(gup::page_dirty(fresh));
            CHECK(domain.log->pins == 2);
            const auto found = gup::find_get_page(domain, memory.page(1));
            REQUIRE(found.has_value());
            CHECK(&gup::page_descriptor(*found) == &gup::page_descriptor(fresh));

            gup::put_user_page(std::move(stale), gup::clean); // lets go of its own only
            CHECK(domain.log->releases == 1);
            CHECK(gup::find_get_page(domain, memory.page(1)).has_value());
            gup::put_user_page(std::move(fresh), gup::clean);
        }
}

TEST_CASE("a range that overlaps what was unmapped is not refused for its sake") {
    pretended domain;
    private_pages memory(4);
    auto stale = gup::get_user_pages(domain, memory.range(0, 3));
    REQUIRE(::mmap(memory.page(0), 3 * page_bytes(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory.page(0));
    auto fresh = gup::get_user_pages(domain, memory.range(2, 2));
    CHECK(domain.log->pins == 2);
}

TEST_CASE("a file that was mapped where another was gets a pin of its own, the same part shares it") {
    pretended domain;
    memory_file file(2), other(2);
    mapping memory(file.fd(), 0, 1);
    auto first = gup::get_user_pages(domain, memory.all());
    const auto map_anew = [&](int fd, std::size_t page) {
        REQUIRE(::mmap(memory.page(0), page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                       static_cast<off_t>(page * page_bytes())) == memory.page(0));
    };
    map_anew(file.fd(), 0);
    auto same = gup::get_user_pages(domain, memory.all());
    CHECK(&gup::page_descriptor(same) == &gup::page_descriptor(first));
    map_anew(file.fd(), 1);
    auto second = gup::get_user_pages(domain, memory.all());
    CHECK(&gup::page_descriptor(second) != &gup::page_descriptor(first));
    map_anew(other.fd(), 1);
    auto third = gup::get_user_pages(domain, memory.all());
    CHECK(domain.log->pins == 3);
}

TEST_CASE("where nobody can tell whether memory was mapped anew every call pins it") {
    struct forbidding : gup::system_kernel {
        static int userfaultfd(unsigned) noexcept { return -EPERM; }
    };
    using blind = pretend_domain<forbidding>;
    blind domain;
    private_pages memory(3);
    auto first = gup::get_user_pages(domain, memory.range(0, 2));
    auto second = gup::get_user_pages(domain, memory.range(0, 2));
    CHECK(&gup::page_descriptor(first) != &gup::page_descriptor(second));
    CHECK(domain.log->pins == 2);
    gup::pin_failure failure;
    CHECK_FALSE(gup::try_get_user_pages(domain, memory.range(1, 2), failure).has_value());
    CHECK(failure.code == std::errc::device_or_resource_busy);
    gup::put_user_page(std::move(second), gup::clean);
    gup::put_user_page(std::move(first), gup::clean);
    CHECK(domain.log->releases == 2);
}

TEST_CASE("where the kernel cannot be asked for one mapping the text of all says the same") {
    struct old_kernel : gup::system_kernel {
        static int query_maps(gup::detail::page_range, std::string&) noexcept { return -ENOTTY; }
    };
    pretend_domain<old_kernel> domain;
    memory_file file(2);
    mapping one(file.fd(), 0, 1), other(file.fd(), 0, 1);
    auto base = gup::get_user_pages(domain, one.all());
    auto second = gup::get_user_pages(domain, other.all());
    CHECK(&gup::page_descriptor(second) == &gup::page_descriptor(base));
    REQUIRE(::mmap(one.page(0), page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.fd(),
                   static_cast<off_t>(page_bytes())) == one.page(0));
    auto fresh = gup::get_user_pages(domain, one.all());
    CHECK(&gup::page_descriptor(fresh) != &gup::page_descriptor(base));
    one.make_hole(0);
    gup::pin_failure failure;
    CHECK_FALSE(gup::try_get_user_pages(domain, one.all(), failure).has_value());
    CHECK(failure.code == std::errc::bad_address);
    CHECK(failure.range.data() == one.page(0));
}

TEST_CASE("without a look at the mappings nothing is pinned, nor pinned once more") {
    pretend_domain<blind> domain;
    memory_file file(1);
    mapping one(file.fd(), 0, 1), other(file.fd(), 0, 1);
    blind::sees = true;
    auto ref = gup::get_user_pages(domain, one.all());
    blind::sees = false;
    for (const mapping* const wanted : {&one, &other}) {
        gup::pin_failure failure;
        CHECK_FALSE(gup::try_get_user_pages(domain, wanted->all(), failure).has_value());
        CHECK(failure.code == std::errc::too_many_files_open);
        CHECK(contains(failure.message(), "reading /proc/self/maps"));
    }
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(domain.log->pins == 1);
    CHECK(domain.log->releases == 1);
    CHECK(domain.log.use_count() == 1);
}

TEST_CASE("another domain has pins of its own") {
    pretended one, other;
    private_pages memory(1);
    auto first = gup::get_user_pages(one, memory.all());
    auto second = gup::get_user_pages(other, memory.all());

    CHECK(&gup::page_descriptor(first) != &gup::page_descriptor(second));
    CHECK(other.log->pins == 1);
}

TEST_CASE("a range that overlaps one that is pinned is refused until that is put") {
    pretended domain;
    private_pages memory(6);
    auto pinned = gup::get_user_pages(domain, memory.range(2, 2));

    for (const auto& [first, count] : {std::pair{1, 2}, {2, 1}, {3, 1}, {3, 2}, {0, 6}}) {
        const auto failure = refusal_of(
            domain, memory.range(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
        CHECK(failure.code == std::errc::device_or_resource_busy);
        CHECK(contains(failure.message(), "overlaps memory that is pinned"));
    }
    auto before = gup::get_user_pages(domain, memory.range(0, 2));
    auto after = gup::get_user_pages(domain, memory.range(4, 2));
    CHECK(domain.log->pins == 3);
    gup::put_user_page(std::move(pinned), gup::clean);
    auto now = gup::get_user_pages(domain, memory.range(3, 1));
    CHECK(domain.log->pins == 4);
}

TEST_CASE("access never widens behind the first pin") {
    pretended domain;
    private_pages memory(1);
    auto reader = gup::get_user_pages<dma_access::read>(domain, memory.all());

    const auto failure = refusal_of(domain, memory.all());
    CHECK(failure.code == std::errc::device_or_resource_busy);
    CHECK(contains(failure.message(), "less access"));
    auto page = gup::find_get_page(domain, memory.page(0));
    REQUIRE(page.has_value());
    const auto child = in_child([&] {
        auto wider = gup::get_user_page(*page);
        return 0;
    });
    CHECK(child.said_that("more access"));

    memory_file file(1);
    mapping first(file.fd(), 0, 1), second(file.fd(), 0, 1);
    auto base = gup::get_user_pages<dma_access::to_device>(domain, first.all());
    CHECK(contains(refusal_of(domain, second.all()).message(), "at another address with less access"));
    auto narrow = gup::get_user_pages<dma_access::read>(domain, second.all());
    CHECK(contains(refusal_of<dma_access::to_device>(domain, second.all()).message(), "less access"));
}

TEST_CASE("what is no memory to pin is refused before the domain is asked") {
    pretended domain;
    private_pages memory(4);
    mapping read_only(-1, 0, 1, MAP_PRIVATE | MAP_ANONYMOUS, 1, PROT_READ);
    mapping closed(-1, 0, 1, MAP_PRIVATE | MAP_ANONYMOUS, 1, PROT_NONE);
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();

    CHECK(contains(refusal_of(domain, {}).message(), "null"));
    CHECK(contains(refusal_of(domain, memory.range(0, 0)).message(), "empty"));
    CHECK(contains(refusal_of(domain, {memory.page(0), most - 4095}).message(), "wraps"));
    CHECK(contains(refusal_of(domain, memory.all().subspan(1)).message(), "whole pages"));
    CHECK(contains(refusal_of(domain, read_only.all()).message(), "read-only"));
    CHECK(contains(refusal_of(domain, closed.all()).message(), "without read access"));
    memory.make_hole(2);
    CHECK(refusal_of(domain, memory.all()).code == std::errc::bad_address);
    CHECK(refusal_of(domain, memory.all()).range.data() == memory.page(0));
    CHECK(domain.log->pins == 0);
    CHECK_FALSE(gup::find_get_page(domain, memory.page(0)).has_value());
}

TEST_CASE("a refusal of the domain leaves nothing behind") {
    pretended domain;
    private_pages memory(1);
    domain.log->refuse = true;

    CHECK(failure_of([&] { auto ref = gup::get_user_pages(domain, memory.all()); }).remedy == "allow it");
    CHECK(domain.log.use_count() == 1);
    domain.log->refuse = false;
    gup::put_user_page(gup::get_user_pages(domain, memory.all()), gup::clean);
    CHECK(domain.log.use_count() == 1);
}

TEST_CASE("two shared mappings of the same pages share one base") {
    pretended domain;
    memory_file file(4);
    mapping first(file.fd(), 1, 2), second(file.fd(), 1, 2);

    auto base = gup::get_user_pages(domain, first.all());
    auto ref = gup::get_user_pages(domain, second.all());
    CHECK(domain.log->pins == 1);
    CHECK(ref.bytes().data() == second.page(0));
    CHECK(ref.size() == second.all().size());
    CHECK(gup::page_to_pfn(ref) == gup::page_to_pfn(base));
    CHECK(&gup::page_descriptor(ref) == &gup::page_descriptor(base));
    CHECK(gup::find_dynamic_page(ref)->second_mapping());
    CHECK(gup::find_dynamic_page(ref)->vaddr() == second.page(0));
    CHECK(gup::find_dynamic_page(ref)->pfn() == gup::page_to_pfn(base));

    auto again = gup::get_user_pages<dma_access::read>(domain, second.all());
    CHECK(gup::find_dynamic_page(again) == gup::find_dynamic_page(ref));
    gup::put_user_page(std::move(base), gup::clean);
    gup::put_user_page(std::move(ref), gup::dirty);
    CHECK(gup::page_dirty(again));
    CHECK(domain.log->releases == 0);
    auto back = gup::get_user_pages(domain, first.all());
    CHECK(gup::page_dirty(back));
    CHECK(&gup::page_descriptor(back) == &gup::page_descriptor(again));
    gup::put_user_page(std::move(again));
    CHECK(domain.log->releases == 0);
    gup::put_user_page(std::move(back), gup::clean);
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a pin through a second mapping shows in the base, one that has gone does not") {
    pretended domain;
    memory_file file(1);
    mapping first(file.fd(), 0, 1), second(file.fd(), 0, 1);
    auto base = gup::get_user_pages(domain, first.all());
    auto ref = gup::get_user_pages(domain, second.all());
    const auto& counts = gup::detail::page_access::counts(gup::page_descriptor(base));

    gup::put_user_page(std::move(base), gup::clean);
    CHECK(counts.device_may_write());
    auto reader = gup::ref_user_page<dma_access::read>(ref);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK_FALSE(counts.device_may_write());
    CHECK(counts.pinned());
    auto page = gup::find_get_page(domain, second.page(0));
    REQUIRE(page.has_value());
    gup::put_user_page(std::move(reader));
    CHECK_FALSE(counts.pinned());
    CHECK(page->bytes().data() == second.page(0));
    CHECK(domain.log->releases == 0);
    page.reset();
    CHECK(domain.log->releases == 1);
}

TEST_CASE("mappings of some of the same pages are refused, of others and private ones never match") {
    pretended domain;
    memory_file file(4);
    mapping first(file.fd(), 0, 2), shifted(file.fd(), 1, 2), behind(file.fd(), 2, 2),
        inside(file.fd(), 0, 1);
    mapping copied(file.fd(), 0, 2, MAP_PRIVATE);
    auto base = gup::get_user_pages(domain, first.all());

    CHECK(contains(refusal_of(domain, shifted.all()).message(), "some of the file pages"));
    CHECK(contains(refusal_of(domain, inside.all()).message(), "some of the file pages"));
    auto other = gup::get_user_pages(domain, behind.all());
    auto own = gup::get_user_pages(domain, copied.all());
    CHECK(domain.log->pins == 3);
    CHECK(&gup::page_descriptor(own) != &gup::page_descriptor(base));
    CHECK(&gup::page_descriptor(other) != &gup::page_descriptor(base));
}

TEST_CASE("a mapping that the kernel has split is the same mapping") {
    pretended domain;
    memory_file file(4);
    mapping first(file.fd(), 0, 4), second(file.fd(), 0, 4);
    REQUIRE(::madvise(second.page(1), page_bytes(), MADV_DONTFORK) == 0);

    auto base = gup::get_user_pages(domain, first.all());
    auto ref = gup::get_user_pages(domain, second.all());
    CHECK(&gup::page_descriptor(ref) == &gup::page_descriptor(base));
}

TEST_CASE("a mirror is one range, and both addresses lead to it") {
    pretended domain;
    memory_file file(2);
    mapping mirror(file.fd(), 0, 2, MAP_SHARED, 2), other(file.fd(), 0, 2, MAP_SHARED, 2),
        once(file.fd(), 0, 2);

    auto ref = gup::get_user_pages(domain, mirror.all());
    ref.bytes()[3] = std::byte{7};
    CHECK(ref.bytes()[2 * page_bytes() + 3] == std::byte{7});
    CHECK(domain.log->pins == 1);
    auto low = gup::find_get_page(domain, mirror.page(1));
    auto high = gup::find_get_page(domain, mirror.page(3) + 17);
    REQUIRE((low.has_value() && high.has_value()));
    CHECK(&gup::page_descriptor(*low) == &gup::page_descriptor(ref));
    CHECK(&gup::page_descriptor(*high) == &gup::page_descriptor(ref));
    CHECK_FALSE(gup::find_get_page(domain, mirror.page(4)).has_value());
    auto same = gup::get_user_pages(domain, other.all());
    CHECK(&gup::page_descriptor(same) == &gup::page_descriptor(ref));
    CHECK(contains(refusal_of(domain, once.all()).message(), "some of the file pages"));
}

TEST_CASE("a proxy stands in front of the caller's memory as of any page") {
    pretended domain;
    private_pages memory(2);
    auto ref = gup::get_user_pages(domain, memory.all());
    auto page = gup::find_get_page(domain, memory.page(1));
    source_log log;
    auto source = gup::make_source<pretended_source>(*page, log);
    auto proxy = source->make(5);

    CHECK(proxy.bytes().data() == memory.page(0));
    CHECK(proxy.size() == memory.all().size());
    CHECK(gup::page_to_pfn(proxy) == gup::page_to_pfn(ref));
    CHECK(gup::page_index(proxy) == 5);
    CHECK(gup::find_dynamic_page(proxy) == gup::find_dynamic_page(ref));
    gup::put_user_page(std::move(ref), gup::clean);
    gup::put_user_page(gup::get_user_page(proxy), gup::dirty);
    CHECK(gup::page_dirty(*page));
}

TEST_CASE("pages of a pool and of the caller are put together") {
    auto pool = pool_of(2);
    private_pages memory(1);
    std::vector<writer_ref> refs;
    refs.push_back(gup::get_user_pages(pool.domain(), memory.all()));
    refs.push_back(gup::get_user_page(pool));
    refs.push_back(gup::get_user_pages(pool.domain(), memory.all()));

    gup::put_user_pages(std::move(refs), gup::clean);
    CHECK(pool.stats().free == 2);
    CHECK(pool.domain().log->releases == 1);
}

TEST_CASE("a thread of a local domain has pins of its own") {
    using local = gup::local<pretended>;
    local domain;
    private_pages memory(1);
    auto ref = gup::get_user_pages(domain, memory.all());
    auto same = gup::get_user_pages(domain, memory.all());
    CHECK(domain.log->pins == 1);
    on_another_thread([&] {
        auto other = gup::get_user_pages(domain, memory.all());
        CHECK_FALSE(&gup::page_descriptor(other) == &gup::page_descriptor(ref));
    });
    CHECK(domain.log->pins == 2);
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a forked child starts with no pins and releases none") {
    pretended domain;
    private_pages memory(1);
    auto ref = std::optional(gup::get_user_pages(domain, memory.all()));
    const auto child = in_child([&] {
        if (gup::find_get_page(domain, memory.page(0)).has_value()) return 1;
        auto own = gup::get_user_pages(domain, memory.range(0, 1));
        if (domain.log->pins != 2) return 2;
        ref.reset();
        return domain.log->releases == 0 ? 0 : 3;
    });
    CHECK(child.exited_with(0));
    CHECK(domain.log->releases == 0);
}

TEST_CASE("threads that pin and put the same memory share whatever pin is there") {
    pretended domain;
    memory_file file(1);
    mapping first(file.fd(), 0, 1), second(file.fd(), 0, 1);
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 2000; ++i) {
                    auto ref = gup::get_user_pages(domain, (t + i) % 2 == 0 ? first.all() : second.all());
                    if (!gup::page_maybe_dma_pinned(ref)) std::abort();
                    gup::put_user_page(std::move(ref), gup::clean);
                }
            });
    }
    CHECK(domain.log->pins == domain.log->releases);
    CHECK(domain.log.use_count() == 1);
}
