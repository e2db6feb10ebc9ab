// SPDX-License-Identifier: BSL-1.0
#include "gup/pin_domain.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"

using namespace gup_test;

namespace {

struct counted_memory : gup::pinned_memory {
    explicit counted_memory(int& alive) : alive_(alive) { ++alive_; }
    ~counted_memory() override { --alive_; }
    int& alive_;
};

} // namespace

TEST_CASE("memory that a registration is given goes away with the release") {
    int alive = 0;
    pretended domain;
    auto registration = domain.pin({}, gup::dma_access::read_write);

    registration.release(std::make_unique<counted_memory>(alive));

    CHECK(alive == 0);
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a pool's memory stays and is reported if its release fails") {
    const leak_listener leaks;
    pretended domain;
    std::byte* address = nullptr;
    {
        pretended_pool pool(domain, small(2));
        const auto ref = gup::get_user_page(pool);
        address = ref.bytes().data();
        domain.log->leak_on_release = true;
    }
    REQUIRE(leak_listener::heard.size() == 1);
    *address = std::byte{1}; // still mapped
    CHECK(domain.log->releases == 1);
}
