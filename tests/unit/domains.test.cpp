// SPDX-License-Identifier: BSL-1.0
#include "gup/domains.hpp"

#include "gup/caller_memory.hpp"
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pretend_domain.hpp"
#include "gup_test/rings.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

namespace {

struct left_kernel : gup::system_kernel {};
struct right_kernel : gup::system_kernel {};
using left = gup_test::pretend_domain<left_kernel>;
using right = gup_test::pretend_domain<right_kernel>;

/// What several diary_domains were asked, in order.
struct diary {
    std::string text;
    std::string keepers; ///< the domains that keep the memory
    std::vector<std::unique_ptr<gup::pinned_memory>> kept;
};

template <char Name>
struct diary_domain {
    using kernel = gup::system_kernel;
    struct registration {
        registration() = default;
        explicit registration(diary* into) : book(into) {}
        registration(registration&& other) noexcept : book(std::exchange(other.book, nullptr)) {}
        registration& operator=(registration&& other) noexcept {
            release(nullptr);
            book = std::exchange(other.book, nullptr);
            return *this;
        }
        ~registration() { release(nullptr); }
        void release(std::unique_ptr<gup::pinned_memory> memory) noexcept {
            if (book == nullptr) return;
            book->text += std::string("-") + Name;
            if (book->keepers.find(Name) != std::string::npos) book->kept.push_back(std::move(memory));
            book = nullptr;
        }
        std::size_t bytes() const noexcept { return book != nullptr ? 4096 : 0; }
        diary* book = nullptr;
    };
    std::optional<registration> try_pin(std::span<const std::byte>, gup::dma_access, gup::pin_failure&) {
        book->text += std::string("+") + Name;
        return registration(book);
    }
    registration pin(std::span<const std::byte>, gup::dma_access) { return registration(book); }
    friend bool operator==(const diary_domain&, const diary_domain&) noexcept = default;
    diary* book = nullptr;
};

using two_diaries = gup::domains<diary_domain<'a'>, diary_domain<'b'>>;

struct watched final : gup::pinned_memory {
    explicit watched(bool& there) : there_(there) { there_ = true; }
    ~watched() override { there_ = false; }
    bool& there_;
};

std::vector<std::byte> memory(4096);

} // namespace

TEST_CASE("a pool of several domains is pinned in each of them") {
    left a;
    right b;
    {
        gup::page_pool pool{gup::domains<left, right>{a, b}, {.pages = 4}};
        CHECK(a.log->pins == 1);
        CHECK(b.log->pins == 1);
        CHECK(pool.stats().bytes_registered == 4 * 4096);
        CHECK(pool.registered());
    }
    CHECK(a.log->releases == 1);
    CHECK(b.log->releases == 1);
}

TEST_CASE("if one domain refuses, none is left pinned") {
    left a;
    right b;
    b.log->refuse = true;
    gup::pin_failure failure;
    auto pool = gup::page_pool<gup::domains<left, right>>::try_make(gup::domains<left, right>{a, b},
                                                                    {.pages = 4}, failure);
    CHECK_FALSE(pool.has_value());
    CHECK(failure.remedy == "allow it");
    CHECK(a.log->pins == 1);
    CHECK(a.log->releases == 1);
    CHECK(b.log->pins == 0);
}

TEST_CASE("if one domain refuses and another cannot undo its pin, the memory is kept") {
    const gup_test::leak_on_purpose the_kept_memory;
    const gup_test::leak_listener leaks;
    left a;
    right b;
    a.log->leak_on_release = true;
    b.log->refuse = true;
    const gup::domains<left, right> both{a, b};
    gup::pin_failure failure;

    SECTION("of a pool, even if it could do without the pin") {
        CHECK_FALSE(gup::page_pool<gup::domains<left, right>>::try_make(
            both, {.pages = 4, .fallback = gup::pin_fallback::unpinned}, failure));
        CHECK(gup_test::is_mapped(a.log->pinned.data()));
    }
    SECTION("of the caller, who is told") {
        auto tried = both;
        CHECK_FALSE(tried.try_pin(memory, gup::dma_access::read, failure));
    }
    SECTION("of a provider") {
        gup_test::private_pages mine(1);
        bool provided = true;
        {
            auto tried = both;
            const std::shared_ptr<const void> provider(&provided, [](bool* there) { *there = false; });
            CHECK_FALSE(gup::try_get_user_pages<gup::dma_access::read_write>(
                tried, mine.all(), {.keep_alive = provider}, failure));
        }
        CHECK(provided);
    }
    SECTION("of several domains in another one") {
        struct third_kernel : gup::system_kernel {};
        using third = gup_test::pretend_domain<third_kernel>;
        a.log->leak_on_release = false;
        third c;
        c.log->leak_on_release = true;
        gup::domains<gup::domains<third, left>, right> all{gup::domains<third, left>{c, a}, b};
        CHECK_FALSE(all.try_pin(memory, gup::dma_access::read, failure));
    }
    CHECK(failure.kept);
    CHECK(failure.remedy == "allow it");
    CHECK(leaks.heard.size() == 1);
}

TEST_CASE("if one domain refuses and the others undo their pins, nothing is kept") {
    left a;
    right b;
    b.log->refuse = true;
    gup::domains<left, right> both{a, b};
    gup::pin_failure failure;
    CHECK_FALSE(both.try_pin(memory, gup::dma_access::read, failure));
    CHECK_FALSE(failure.kept);
}

TEST_CASE("domains are pinned in their order and released in reverse") {
    diary book;
    two_diaries both{{&book}, {&book}};

    SECTION("released by its owner") {
        auto pinned = both.pin(memory, gup::dma_access::read);
        pinned.release(nullptr);
    }
    SECTION("dropped") { static_cast<void>(both.pin(memory, gup::dma_access::read).bytes()); }
    SECTION("assigned over") {
        auto pinned = both.pin(memory, gup::dma_access::read);
        pinned = {};
    }
    CHECK(book.text == "+a+b-b-a");
}

TEST_CASE("memory stays until every domain has let go of it") {
    diary book;
    two_diaries both{{&book}, {&book}};
    bool there = false;
    auto pinned = both.pin(memory, gup::dma_access::read);

    SECTION("none keeps it") {
        pinned.release(std::make_unique<watched>(there));
        CHECK_FALSE(there);
    }
    SECTION("the first keeps it") {
        book.keepers = "a";
        pinned.release(std::make_unique<watched>(there));
        CHECK(there);
        book.kept.clear();
        CHECK_FALSE(there);
    }
    SECTION("both keep it") {
        book.keepers = "ab";
        pinned.release(std::make_unique<watched>(there));
        book.kept.pop_back();
        CHECK(there);
        book.kept.clear();
        CHECK_FALSE(there);
    }
}

TEST_CASE("a dynamic page of several domains is pinned in each of them") {
    left a;
    right b;
    gup::domains<left, right> both{a, b};
    auto* const pages = static_cast<std::byte*>(std::aligned_alloc(4096, 8192));
    auto ref = gup::get_user_pages(both, std::span(pages, 8192));
    CHECK(a.log->pins == 1);
    CHECK(b.log->pins == 1);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(a.log->releases == 1);
    CHECK(b.log->releases == 1);
    std::free(pages);
}

TEST_CASE("a pool of several domains goes on without a pin only if all of them allow that") {
    STATIC_REQUIRE(gup::domains<left, right>::usable_unpinned);
    left a;
    right b;
    b.log->refuse = true;
    gup::page_pool pool{gup::domains<left, right>{a, b},
                        {.pages = 4, .fallback = gup::pin_fallback::unpinned}};
    CHECK_FALSE(pool.registered());
    CHECK(pool.stats().bytes_registered == 0);
    CHECK(a.log->releases == a.log->pins);
}

TEST_CASE("equal handles are handles to the same domains") {
    left a;
    right b;
    const gup::domains<left, right> both{a, b};
    CHECK(both == gup::domains<left, right>{a, b});
    CHECK_FALSE(both == gup::domains<left, right>{a, right{}});
}

TEST_CASE("a set of domains counts as a domain") {
    STATIC_REQUIRE(gup::pin_domain<gup::domains<left, gup::mlock_domain>>);
    STATIC_REQUIRE(sizeof(gup::user_page_ref<gup::domains<left, right>>) == 8);
    STATIC_REQUIRE_FALSE(
        std::is_convertible_v<gup::user_page_ref<left>, gup::user_page_ref<gup::domains<left, right>>>);
    STATIC_REQUIRE_FALSE(gup::domains<left, right>::pins_device_memory);
}
