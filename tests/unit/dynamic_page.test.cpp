// SPDX-License-Identifier: BSL-1.0
#include "gup/dynamic_page.hpp"

#include "gup/caller_memory.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/proxies.hpp"

using namespace gup_test;

TEST_CASE("a descriptor tells what it describes, and that it is dynamic") {
    pretended domain;
    private_pages memory(2);
    auto ref = gup::get_user_pages(domain, memory.all());
    auto pool = pool_of(1);
    auto page = gup::get_user_page(pool);

    const gup::dynamic_page* d = gup::find_dynamic_page(ref);
    REQUIRE(d != nullptr);
    CHECK(d == &gup::unchecked_dynamic_page(ref));
    CHECK(d->vaddr() == memory.page(0));
    CHECK(d->length() == memory.all().size());
    CHECK(d->pfn() == gup::page_to_pfn(ref));
    CHECK(&d->base_page() == &gup::page_descriptor(ref));
    CHECK_FALSE(d->second_mapping());
    CHECK(gup::find_dynamic_page(page) == nullptr);
    CHECK(gup::unchecked_page_to_pfn(page) == gup::page_to_pfn(page));
    CHECK(gup::page_address(page) == page.bytes().data());
}
