// SPDX-License-Identifier: BSL-1.0
// Pools on a kernel that refuses: nothing leaks, nothing is half done, and caches are a luxury.
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"

#include <cerrno>
#include <linux/membarrier.h>
#include <optional>
#include <string>
#include <sys/mman.h>

using namespace gup_test;

namespace {

struct pool_test;
using account = failing_kernel<gup::system_kernel, pool_test>;

/// The account, and a membarrier that can be refused.
struct refusing_kernel : account {
    static inline bool refuse_registration = false;
    static inline bool refuse_barrier = false;
    static int membarrier(int command) noexcept {
        if (command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED ? refuse_registration : refuse_barrier)
            return -EPERM;
        return system_kernel::membarrier(command);
    }
};
using domain = pretend_domain<refusing_kernel>;
using pool_type = gup::page_pool<domain>;

/// Refuses as long as it lives.
class refusal {
public:
    explicit refusal(bool& what) : what_(what) { what_ = true; }
    refusal(const refusal&) = delete;
    refusal& operator=(const refusal&) = delete;
    ~refusal() { what_ = false; }

private:
    bool& what_;
};

/// Everything that a pool is used for; the number of system calls that this took.
int use_pool(gup::memory_kind kind) {
    pool_type pool(domain{}, {.pages = 200, .memory = kind});
    CHECK(gettable(pool) == 200);
    {
        const lingering_thread other(pool);
        auto refs = gup::get_user_pages(pool, 200);
        CHECK(gup::find_get_page(pool, refs[7].bytes().data()).has_value());
        gup::put_user_pages(std::move(refs), gup::dirty);
    }
    CHECK(pool.stats().free == 200);
    return account::calls;
}

} // namespace

TEST_CASE("a pool gives all its mappings and descriptors back") {
    for (const auto kind :
         {gup::memory_kind::small_pages, gup::memory_kind::transparent_huge, gup::memory_kind::memfd}) {
        const std::size_t mapped_before = account::mapped.bytes();
        account::plan_nothing();
        on_another_thread([&] { use_pool(kind); });
        CHECK(account::mapped.bytes() == mapped_before);
        CHECK(account::open == 0);
    }
}

TEST_CASE("a thread that puts its last page while it ends leaves no cache behind") {
    const std::size_t mapped_before = account::mapped.bytes();
    account::plan_nothing();
    std::optional<pool_type> pool(std::in_place, domain{}, small(8));
    on_another_thread([&pool] {
        static thread_local pool_type::reference late; // constructed before the cache, so destroyed after it
        late = {};
        late = gup::get_user_page(*pool);
    });

    pool.reset();

    CHECK(account::mapped.bytes() == mapped_before);
}

TEST_CASE("whatever system call of its making fails there is no pool and nothing stays mapped or open") {
    for (const auto kind : {gup::memory_kind::automatic, gup::memory_kind::small_pages,
                            gup::memory_kind::transparent_huge, gup::memory_kind::memfd}) {
        int failures = 0;
        for (int call = 1; call < 40; ++call) {
            const leak_listener leaks;
            const std::size_t mapped_before = account::mapped.bytes();
            domain in;
            gup::pin_failure failure;
            account::plan(call, ENOMEM);
            const auto pool =
                pool_type::try_make(in, {.page_size = 4 << 20, .pages = 2, .memory = kind}, failure);
            const bool reached = account::calls >= call;
            account::plan_nothing();
            if (!reached) break;
            if (pool.has_value())
                continue; // a file of /sys that could not be read, a hint that was not taken
            ++failures;
            CHECK(failure.code == std::errc::not_enough_memory);
            CHECK_FALSE(std::string(failure.call).empty());
            CHECK_FALSE(failure.remedy.empty());
            CHECK(account::mapped.bytes() == mapped_before);
            CHECK(account::open == 0);
            CHECK(in.log->pins == 0);
            CHECK(leak_listener::heard.empty());
        }
        CHECK(failures >= 4);
    }
}

TEST_CASE("a refused pin gives all memory back") {
    domain in;
    in.log->refuse = true;
    gup::pin_failure failure;
    const std::size_t mapped_before = account::mapped.bytes();

    CHECK_FALSE(pool_type::try_make(in, small(4), failure).has_value());

    CHECK(account::mapped.bytes() == mapped_before);
}

TEST_CASE("a pool works without caches if the kernel has no memory for them") {
    for (const int call : {1, 2}) { // the mapping of a cache, and the advice that a child must not inherit it
        pool_type pool(domain{}, small(200));
        const std::size_t mapped = account::mapped.bytes();
        account::plan(call, ENOMEM, failing::from_then_on);
        const leak_listener
            leaks; // a cache without the advice cannot be unmapped either while all calls fail

        CHECK(gettable(pool) == 200);
        auto refs = gup::get_user_pages(pool, 200);
        gup::put_user_pages(std::move(refs), gup::clean);
        CHECK(pool.stats().free == 200);

        account::plan_nothing();
        if (call == 1) CHECK(account::mapped.bytes() == mapped);
    }
}

TEST_CASE("a cache that a forked child would inherit is not used and not leaked") {
    pool_type pool(domain{}, small(8));
    const std::size_t mapped = account::mapped.bytes();
    account::plan(2, EINVAL);

    auto ref = gup::get_user_page(pool);
    account::plan_nothing();

    CHECK(account::mapped.bytes() == mapped);
    CHECK(gup::detail::this_thread_magazines.current == nullptr);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(pool.stats().free == 8);
}

TEST_CASE("a cache that cannot be unmapped is reported") {
    const leak_listener leaks;
    on_another_thread([] {
        {
            pool_type pool(domain{}, small(8));
            gup::put_user_page(gup::get_user_page(pool), gup::clean);
        }
        account::plan(1, ENOMEM); // the thread lets go of its cache when it ends
    });
    account::plan_nothing();

    REQUIRE(leak_listener::heard.size() == 1);
    CHECK(std::string(leak_listener::heard[0].call) == "munmap of a thread's page cache");
    CHECK(leak_listener::heard[0].code.value() == ENOMEM);
    CHECK(account::munmap(const_cast<std::byte*>(leak_listener::heard[0].range.data()),
                          leak_listener::heard[0].range.size()) == 0);
}

TEST_CASE("a pool works on a kernel without membarrier") {
    const refusal registration(refusing_kernel::refuse_registration);
    const refusal barrier(refusing_kernel::refuse_barrier);
    const std::size_t mapped_before = account::mapped.bytes();

    on_another_thread([] { use_pool(gup::memory_kind::small_pages); });

    CHECK(account::mapped.bytes() == mapped_before);
}

TEST_CASE("a thread needs no barrier for its own pages") {
    domain in;
    {
        pool_type pool(in, small(200));
        gup::put_user_page(gup::get_user_page(pool), gup::clean);
        const refusal barrier(refusing_kernel::refuse_barrier);
        CHECK(gettable(pool) == 200);
        const auto ref = gup::get_user_page(pool);
        CHECK(gup::find_get_page(pool, ref.bytes().data()).has_value());
    }
    CHECK(in.log->releases == 1);
}

TEST_CASE("pages behind a refused barrier come back when their thread ends") {
    domain in;
    std::optional<pool_type> pool(std::in_place, in, small(200));
    {
        const lingering_thread other(*pool);
        const refusal barrier(refusing_kernel::refuse_barrier);
        std::vector<pool_type::reference> refs(200);
        CHECK_FALSE(gup::try_get_user_pages(*pool, std::span(refs)));
        const std::size_t within_reach = gettable(*pool);
        CHECK(within_reach < 200);
        CHECK(within_reach > 100);
    }
    CHECK(gettable(*pool) == 200);
    {
        const lingering_thread other(*pool);
        const refusal barrier(refusing_kernel::refuse_barrier);
        pool.reset();
        CHECK(in.log->releases == 0);
    }
    CHECK(in.log->releases == 1);
}

TEST_CASE("memory that the kernel does not bring in is no pool's, pinned or not") {
    struct withholding : gup::system_kernel {
        static int madvise(void* address, std::size_t bytes, int advice) noexcept {
            return advice == MADV_POPULATE_WRITE ? -EFAULT : system_kernel::madvise(address, bytes, advice);
        }
    };
    pretend_domain<withholding> in;
    in.log->refuse = true;
    gup::pin_failure failure;
    auto options = small(2);
    options.fallback = gup::pin_fallback::unpinned;
    CHECK_FALSE(gup::page_pool<pretend_domain<withholding>>::try_make(in, options, failure).has_value());
    CHECK(failure.code == std::errc::bad_address);
    CHECK(std::string(failure.call) == "madvise(MADV_POPULATE_WRITE)");
    CHECK(failure.remedy.find("does not bring in") != std::string::npos);
}

TEST_CASE("a pool that is not pinned has all its memory when it is made") {
    domain in;
    in.log->refuse = true;
    auto options = small(300);
    options.fallback = gup::pin_fallback::unpinned;
    account::plan_nothing();
    pool_type pool(in, options);
    REQUIRE_FALSE(pool.registered());
    const auto page = gup::get_user_page(pool);
    unsigned char in_memory = 0;
    REQUIRE(::mincore(page.bytes().data(), page.size(), &in_memory) == 0);
    CHECK((in_memory & 1) != 0);
}
