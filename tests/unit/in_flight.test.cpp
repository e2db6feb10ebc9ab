// SPDX-License-Identifier: BSL-1.0
#include "gup/in_flight.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"

using namespace gup_test;

namespace {

/// Where the device of these tests is.
struct pretended_place;
using token = gup::in_flight<writer_ref, pretended_place>;
using access = gup::detail::in_flight_access;
using gup::detail::reference_access;

token start(writer_ref ref, std::uint64_t user_data = 7, gup::put_as on_completion = gup::dirty) {
    return access::make<pretended_place>(std::move(ref), user_data, on_completion);
}

/// Puts what a test has leaked on purpose.
void put_leaked(std::uintptr_t word) {
    gup::put_user_page(reference_access::make<writer_ref>(word), gup::clean);
}

} // namespace

TEST_CASE("a token owns the pin of its operation until the completion gives it back") {
    auto pool = pool_of(1);
    auto ref = gup::get_user_page(pool);
    const void* const page = ref.bytes().data();

    token operation = start(std::move(ref));
    CHECK_FALSE(ref);
    CHECK(operation);
    CHECK(operation.user_data() == 7);
    CHECK(pool.stats().pinned == 1);
    writer_ref back = access::give_back(operation);

    CHECK_FALSE(operation);
    REQUIRE(back);
    CHECK(back.bytes().data() == page);
    CHECK(pool.stats().pinned == 1);
}

TEST_CASE("a moved token is the same operation with the same pin and decision") {
    auto pool = pool_of(2);
    token first = start(gup::get_user_page(pool), 11, gup::dirty);

    token second(std::move(first));
    CHECK_FALSE(first);
    CHECK(second.user_data() == 11);
    CHECK(access::on_completion(second) == gup::dirty);
    token third;
    third = std::move(second);
    CHECK_FALSE(second);
    CHECK(third.user_data() == 11);
    CHECK(access::on_completion(third) == gup::dirty);

    gup::put_user_page(access::give_back(third), gup::clean);
    CHECK(pool.stats().free == 2);
}

TEST_CASE("an empty token may be dropped and overwritten without a report") {
    const leak_listener leaks;
    auto pool = pool_of(1);
    {
        token empty;
        CHECK_FALSE(empty);
        empty = start(gup::get_user_page(pool));
        gup::put_user_page(access::give_back(empty), gup::clean);
        empty = token();
    }
    CHECK(leak_listener::heard.empty());
    CHECK(pool.stats().free == 1);
}

TEST_CASE("dropping a token before its completion reports and never unpins") {
    const leak_listener leaks;
    pretended domain;
    const void* page = nullptr;
    std::uintptr_t leaked = 0;
    {
        pretended_pool pool(domain, small(2));
        {
            auto ref = gup::get_user_page(pool);
            page = ref.bytes().data();
            const token lost = start(std::move(ref));
            leaked = reference_access::word(lost);
        }
        CHECK(pool.stats().pinned == 1);
        CHECK(pool.stats().free == 1);
    }
    REQUIRE(leak_listener::heard.size() == 1);
    CHECK(std::string(leak_listener::heard[0].call) == "dropping an in_flight before its completion");
    CHECK(leak_listener::heard[0].range.data() == page);
    CHECK(leak_listener::heard[0].range.size() == 4096);
    CHECK_FALSE(leak_listener::heard[0].code);
    CHECK(domain.log->releases == 0); // the device may still write: the pool's memory is never unpinned
    put_leaked(leaked);
}

TEST_CASE("overwriting a token before its completion reports the page it held") {
    const leak_listener leaks;
    auto pool = pool_of(2);
    token operation = start(gup::get_user_page(pool), 1);
    auto next = gup::get_user_page(pool);
    const void* const kept = next.bytes().data();
    const std::uintptr_t leaked = reference_access::word(operation);

    operation = start(std::move(next), 2);

    CHECK(leak_listener::heard.size() == 1);
    CHECK(leak_listener::heard.at(0).range.data() != kept);
    CHECK(operation.user_data() == 2);
    gup::put_user_page(access::give_back(operation), gup::clean);
    CHECK(pool.stats().pinned == 1);
    put_leaked(leaked);
}

TEST_CASE("a token moved onto itself still owns its pin") {
    const leak_listener leaks;
    auto pool = pool_of(1);
    token operation = start(gup::get_user_page(pool), 3);
    token& same = operation;

    operation = std::move(same);

    REQUIRE(operation);
    CHECK(operation.user_data() == 3);
    CHECK(leak_listener::heard.empty());
    gup::put_user_page(access::give_back(operation), gup::clean);
}

TEST_CASE("a token keeps the access of its reference") {
    auto pool = pool_of(1);
    const auto writer = gup::get_user_page(pool);
    auto sender = gup::ref_user_page<gup::dma_access::to_device>(writer);

    gup::in_flight<sender_ref, pretended_place> operation =
        access::make<pretended_place>(std::move(sender), 0, gup::clean);
    STATIC_REQUIRE(std::is_same_v<decltype(operation)::reference_type, sender_ref>);
    CHECK(access::on_completion(operation) == gup::clean);

    gup::put_user_page(access::give_back(operation), gup::clean);
    CHECK(gup::page_maybe_dma_pinned(writer));
}
