// SPDX-License-Identifier: BSL-1.0
// Dynamic pages of memory that something provides, which must stay as long as they do.
#include "gup/caller_memory.hpp"

#include "gup/page_proxy.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/proxies.hpp"

#include <cerrno>
#include <memory>
#include <string>

using namespace gup_test;

namespace {

struct provider_scene {
    pretended domain{};
    private_pages memory{1};
    std::string name = "a device";
    std::shared_ptr<int> kept = std::make_shared<int>();
    gup::memory_provider provider{gup::typed_pointer(&name), kept};

    gup::pin_failure refusal(const gup::memory_provider& of) {
        gup::pin_failure failure;
        CHECK_FALSE(gup::try_get_user_pages<gup::dma_access::read_write>(domain, memory.all(), of, failure));
        return failure;
    }
};

} // namespace

TEST_CASE("a page of provided memory keeps the provider and carries its data until the last put") {
    provider_scene s;
    auto ref = gup::get_user_pages<gup::dma_access::read_write>(s.domain, s.memory.all(), s.provider);
    s.provider = {};
    CHECK(s.kept.use_count() == 2);
    CHECK(gup::auxiliary<std::string>(ref) == &s.name);
    auto plain = gup::get_user_pages(s.domain, s.memory.all()); // the same page, which is kept already
    CHECK(gup::auxiliary<std::string>(plain) == &s.name);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(s.kept.use_count() == 2);
    gup::put_user_page(std::move(plain), gup::clean);
    CHECK(s.kept.use_count() == 1);
}

TEST_CASE("what is pinned without its provider, or as another's, cannot be pinned as the provider's") {
    provider_scene s;
    SECTION("without") {
        auto plain = gup::get_user_pages(s.domain, s.memory.all());
        CHECK(s.refusal(s.provider).code.value() == EBUSY);
        gup::put_user_page(std::move(plain), gup::clean);
    }
    SECTION("as another's") {
        auto ref = gup::get_user_pages<gup::dma_access::read_write>(s.domain, s.memory.all(), s.provider);
        CHECK(s.refusal({gup::typed_pointer(&s.name), std::make_shared<int>()}).code.value() == EBUSY);
        auto again = gup::get_user_pages<gup::dma_access::read_write>(s.domain, s.memory.all(), s.provider);
        gup::put_user_page(std::move(again), gup::clean);
        gup::put_user_page(std::move(ref), gup::clean);
    }
    auto ref = gup::get_user_pages<gup::dma_access::read_write>(s.domain, s.memory.all(), s.provider);
    CHECK(gup::auxiliary<std::string>(ref) == &s.name);
    gup::put_user_page(std::move(ref), gup::clean);
}
