// SPDX-License-Identifier: BSL-1.0
// Tracked pools on a kernel that refuses: nothing leaks, and what cannot be watched is not pretended.
#include "gup/tracked.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/tracked.hpp"

using namespace gup_test;

namespace {

struct tracked_test;
using account = failing_kernel<gup::system_kernel, tracked_test>;
using domain = gup::tracked<pretend_domain<account>>;

struct kernel_of_large_pages : gup::system_kernel {
    static std::size_t page_size() noexcept { return 65536; }
};

} // namespace

TEST_CASE("a tracked pool lives in a memfd, and says so of other memory") {
    gup::pin_failure failure;
    for (const auto kind :
         {gup::memory_kind::small_pages, gup::memory_kind::transparent_huge, gup::memory_kind::hugetlb}) {
        CHECK_FALSE(
            tracked_pool::try_make(tracked_domain{}, {.pages = 1, .memory = kind}, failure).has_value());
        CHECK(failure.code == std::errc::invalid_argument);
        CHECK(failure.message().find("memory_kind::memfd") != std::string::npos);
    }
    const tracked_pool made(tracked_domain{}, {.pages = 1, .memory = gup::memory_kind::memfd});
    CHECK(made.stats().memory == gup::memory_kind::memfd);
}

TEST_CASE("pages that the kernel cannot protect apart are refused at once") {
    using large = gup::tracked<pretend_domain<kernel_of_large_pages>>;
    gup::pin_failure failure;
    CHECK_FALSE(gup::page_pool<large>::try_make(large{}, {.page_size = 32768, .pages = 2}, failure));
    CHECK(failure.code == std::errc::invalid_argument);
    CHECK(failure.message().find("65536 bytes") != std::string::npos);
    CHECK(gup::page_pool<large>::try_make(large{}, {.page_size = 65536, .pages = 2}, failure));
}

TEST_CASE("whichever system call fails while a tracked pool is made, nothing is left") {
    account::plan_nothing();
    const auto make = [](gup::pin_failure& failure) {
        return gup::page_pool<domain>::try_make(domain{}, {.pages = 4}, failure).has_value();
    };
    gup::pin_failure failure;
    REQUIRE(make(failure));
    REQUIRE(account::mapped.bytes() == 0);
    REQUIRE(account::open == 0);
    bool views_refused = false;
    account::plan_nothing();
    REQUIRE(make(failure));
    const int calls = account::calls;
    for (int call = 1; call <= calls; ++call) {
        account::plan(call, ENOMEM);
        const bool made = make(failure);
        if (!made) views_refused |= std::string(failure.call) == "mmap of the views of a tracked pool";
        if (!made) CHECK(account::mapped.bytes() == 0);
        if (!made) CHECK(account::open == 0);
        account::plan_nothing();
        account::mapped = {};
    }
    CHECK(views_refused);
}

TEST_CASE("views that cannot be unmapped are reported") {
    const leak_listener leaks;
    {
        const gup::page_pool pool{domain{}, {.pages = 4}};
        account::plan(1, EINVAL, failing::from_then_on);
    }
    account::plan_nothing();
    std::size_t views = 0;
    for (const auto& leak : leaks.heard) {
        views +=
            std::string(leak.call) == "munmap of the views of a tracked pool" && leak.range.size() == 16384;
        account::munmap(const_cast<std::byte*>(leak.range.data()), leak.range.size());
    }
    CHECK(views == 1);
}

TEST_CASE("a page that cannot be protected ends the program with what to do") {
    const auto child = in_child([] {
        gup::page_pool pool{domain{}, {.pages = 4}};
        account::plan(1, ENOMEM, failing::from_then_on); // one that the pool can do without may come first
        auto page = gup::get_user_page(pool);
        return 0;
    });
    CHECK(child.terminated());
    CHECK(child.said_that("vm.max_map_count"));
}
