// SPDX-License-Identifier: BSL-1.0
#include "gup/pin_place.hpp"

#include "gup/caller_memory.hpp"
#include "gup/device_operations.hpp"
#include "gup/domains.hpp"
#include "gup/local.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pools.hpp"
#include "gup_test/proxies.hpp"
#include "gup_test/watched_memory.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using gup::dma_access;

/// A place that numbers its pins, and what it has seen.
struct numbered_place {
    class mark {
    public:
        mark() = default;
        explicit mark(int number) noexcept : number_(number) {}
        mark(mark&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
        mark& operator=(mark&& other) noexcept {
            number_ = std::exchange(other.number_, 0);
            return *this;
        }
        int number() const noexcept { return number_; }

    private:
        int number_ = 0;
    };
    using kernel = gup::system_kernel;
    static constexpr const char* call = "numbered_domain::pin";
    static constexpr const char* in_child = "number something of your own";
    static constexpr bool driven_by_program = true;

    std::optional<mark> try_pin(std::span<const std::byte> range, dma_access access,
                                gup::pin_failure& failure) {
        if (refuse && !says_why) return std::nullopt;
        if (refuse) {
            failure.code = std::make_error_code(std::errc::not_enough_memory);
            failure.remedy = "allow it";
            return std::nullopt;
        }
        pinned.emplace(++last, std::pair(range, access));
        return mark(last);
    }
    void unpin(const mark& made, std::span<const std::byte> range,
               std::unique_ptr<gup::pinned_memory> memory) noexcept {
        CHECK(pinned.at(made.number()).first.data() == range.data());
        pinned.erase(made.number());
        if (stuck) {
            static_cast<void>(memory.release());
            gup::report_release_failure({"unpinning", {EIO, std::generic_category()}, range});
        }
    }

    std::map<int, std::pair<std::span<const std::byte>, dma_access>> pinned{};
    int last = 0;
    bool refuse = false;
    bool says_why = true;
    bool stuck = false;
};
static_assert(gup::pin_place<numbered_place>);

template <class Tag = void>
struct numbered_domain : gup::place_domain<numbered_place, Tag> {
    numbered_domain() : gup::place_domain<numbered_place, Tag>(std::in_place) {}
    numbered_place& seen() const { return this->the_place(); }
};
static_assert(gup::pin_domain<numbered_domain<>> && gup::pin_domain<gup::local<numbered_domain<>>>);
static_assert(!std::is_same_v<numbered_domain<>::registration, numbered_domain<struct other>::registration>,
              "the registration of another domain does not fit");

/// A place that hears when nobody can complete anything any more.
struct attentive_place : numbered_place {
    explicit attentive_place(std::string& into) noexcept : heard(into) {}
    ~attentive_place() { heard += " end"; }
    void last_handle_gone() noexcept { heard += " " + std::to_string(pinned.size()) + " pins"; }
    std::string& heard;
};
struct attentive_domain : gup::place_domain<attentive_place> {
    explicit attentive_domain(std::string& heard) : place_domain(std::in_place, heard) {}
};

const std::array<std::byte, 64> memory{};

} // namespace

TEST_CASE("a range is pinned as long as its registration is there") {
    numbered_domain<> domain;
    {
        const auto pinned = domain.pin(memory, dma_access::to_device);
        CHECK(pinned.bytes() == memory.size());
        CHECK(domain.seen().last == 1);
        CHECK(domain.seen().pinned.at(1).second == dma_access::to_device);
    }
    CHECK(domain.seen().pinned.empty());
}

TEST_CASE("a registration that was moved from, or is empty, has nothing to undo") {
    numbered_domain<> domain;
    auto first = domain.pin(memory, dma_access::read);
    auto second(std::move(first));
    CHECK(first.bytes() == 0);
    first = domain.pin(memory, dma_access::read);
    CHECK(domain.seen().pinned.size() == 2);
    second = std::move(first);
    CHECK(domain.seen().pinned.size() == 1);
    CHECK(domain.seen().pinned.begin()->first == 2);
    auto& same = second;
    second = std::move(same);
    CHECK(domain.seen().pinned.size() == 1);
    second.release(nullptr);
    CHECK(domain.seen().pinned.empty());
    second.release(nullptr);
    decltype(second)().release(nullptr);
}

TEST_CASE("memory that is handed over goes after the pin, and stays if the pin does") {
    const gup_test::leak_listener leaks;
    numbered_domain<> domain;
    bool gone = false;
    domain.pin(memory, dma_access::read).release(std::make_unique<gup_test::watched_memory>(gone));
    CHECK(gone);
    gone = false;
    domain.seen().stuck = true;
    auto* const kept = new gup_test::watched_memory(gone);
    domain.pin(memory, dma_access::read).release(std::unique_ptr<gup::pinned_memory>(kept));
    CHECK_FALSE(gone);
    CHECK(gup_test::leak_listener::heard.size() == 1);
    delete kept;
}

TEST_CASE("a range that is none is refused before the place is asked") {
    numbered_domain<> domain;
    gup::pin_failure failure{.budget = gup::pin_budget::locked_vm, .need = 1};
    const std::span<const std::byte> wraps(memory.data(), ~std::size_t{0});
    for (const auto range : {std::span<const std::byte>(), std::span(memory).first(0), wraps}) {
        CHECK_FALSE(domain.try_pin(range, dma_access::read, failure));
        CHECK(failure.code == std::errc::invalid_argument);
        CHECK(failure.budget == gup::pin_budget::none);
        CHECK(std::string(failure.call) == "numbered_domain::pin");
        CHECK_THROWS_AS(domain.pin(range, dma_access::read), gup::pin_error);
    }
    CHECK(domain.seen().last == 0);
}

TEST_CASE("what the place refuses is told with range and call") {
    numbered_domain<> domain;
    domain.seen().refuse = true;
    gup::pin_failure failure;
    CHECK_FALSE(domain.try_pin(memory, dma_access::read, failure));
    CHECK(failure.message() == "numbered_domain::pin of 64 bytes; allow it");
    CHECK(failure.range.data() == memory.data());
}

TEST_CASE("a place that refuses without a reason is no success") {
    numbered_domain<> domain;
    domain.seen().refuse = true;
    domain.seen().says_why = false;
    gup::pin_failure failure;
    CHECK_FALSE(domain.try_pin(memory, dma_access::read, failure));
    CHECK(failure.code == std::errc::io_error);
}

TEST_CASE("copies of a domain share the place, which stays for the pins") {
    std::optional<numbered_domain<>> domain(std::in_place);
    const auto copy = *domain;
    CHECK(copy == *domain);
    CHECK_FALSE(copy == numbered_domain<>());
    auto pinned = domain->pin(memory, dma_access::read);
    domain.reset();
    CHECK(copy.seen().pinned.size() == 1);
    pinned.release(nullptr);
    CHECK(copy.seen().pinned.empty());
}

TEST_CASE("a place hears once when the program has let go of its last handle, whatever pins live on") {
    std::string heard;
    std::optional<attentive_domain> domain(std::in_place, heard);
    SECTION("a registration is none") {
        auto copy = std::make_unique<attentive_domain>(*domain);
        auto pinned = copy->pin(memory, dma_access::read);
        domain.reset();
        CHECK(heard.empty());
        copy.reset();
        CHECK(heard == " 1 pins");
        pinned.release(nullptr);
        CHECK(heard == " 1 pins end");
    }
    SECTION("a pool is one, until it is closed") {
        std::optional pool(gup::page_pool(*domain, gup_test::small(1)));
        auto page = gup::get_user_page(*pool);
        domain.reset();
        CHECK(heard.empty());
        pool.reset();
        CHECK(heard == " 1 pins");
        gup::put_user_page(std::move(page), gup::clean);
        CHECK(heard == " 1 pins end");
    }
    SECTION("the caller's memory is none") {
        gup_test::private_pages mine(1);
        auto ref = gup::get_user_pages(*domain, mine.all());
        domain.reset();
        CHECK(heard == " 1 pins");
        gup::put_user_page(std::move(ref), gup::clean);
        CHECK(heard == " 1 pins end");
    }
    SECTION("nor is a pool of several domains that is closed") {
        using both_domains = gup::domains<numbered_domain<>, attentive_domain>;
        std::optional pool(gup::page_pool(both_domains({}, *domain), gup_test::small(1)));
        auto page = gup::get_user_page(*pool);
        domain.reset();
        pool.reset();
        CHECK(heard == " 1 pins");
    }
    SECTION("a forked child keeps quiet") {
        CHECK(gup_test::in_child([&] {
                  domain.reset();
                  return heard == " end" ? 0 : 1;
              }).exited_with(0));
    }
}

TEST_CASE("a forked child pins nothing and undoes nothing") {
    numbered_domain<> domain;
    auto pinned = domain.pin(memory, dma_access::read);
    CHECK(gup_test::in_child([&] {
              gup::pin_failure failure;
              bool gone = false;
              const bool refused = !domain.try_pin(memory, dma_access::read, failure);
              pinned.release(std::make_unique<gup_test::watched_memory>(gone));
              return refused && failure.code == std::errc::operation_not_permitted &&
                             failure.remedy == "number something of your own" && gone &&
                             domain.seen().pinned.size() == 1
                         ? 0
                         : 1;
          }).exited_with(0));
}

TEST_CASE("operations find the mark of a page and where the device sees it, through whatever it is reached") {
    numbered_domain<> domain;
    gup::page_pool pool(domain, gup_test::small(2));
    auto page = gup::get_user_page(pool);
    CHECK(gup::mark_of<numbered_place::mark>(page).number() == 1);
    CHECK(gup::pinned_bytes(page).data() == page.bytes().data());
    const auto* const first = page.bytes().data();

    auto token = gup::start_dma_from_device(std::move(page), 9);
    CHECK(gup::mark_of<numbered_place::mark>(token).number() == 1);
    CHECK(gup::pinned_bytes(token).data() == first);
    page = gup::complete(std::move(token), 9);
    CHECK(gup::page_dirty(page));
}

TEST_CASE("a page of two domains has the mark of each, and its token says whose device has it") {
    using both_domains = gup::domains<numbered_domain<>, numbered_domain<struct network>>;
    numbered_domain<> disks;
    numbered_domain<struct network> networks;
    gup::page_pool pool(both_domains(disks, networks), gup_test::small(1));
    CHECK(disks.seen().pinned.size() == 1);
    CHECK(networks.seen().pinned.size() == 1);
    auto page = gup::get_user_page(pool);
    auto token = gup::start_dma_to_device<numbered_domain<struct network>>(std::move(page), 1);
    STATIC_REQUIRE(std::is_same_v<decltype(token), gup::in_flight<gup::user_page_ref<both_domains>,
                                                                  numbered_domain<struct network>::place>>);
    CHECK(gup::complete(std::move(token), 1));
}

TEST_CASE("the caller's memory and local pools are pinned in such a domain") {
    numbered_domain<> domain;
    gup_test::private_pages mine(1);
    auto ref = gup::get_user_pages(domain, mine.all());
    CHECK(gup::mark_of<numbered_place::mark>(ref).number() == 1);
    gup::page_pool pool(gup::local<numbered_domain<>>(domain), gup_test::small(1));
    CHECK(gup::mark_of<numbered_place::mark>(gup::get_user_page(pool)).number() == 2);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(domain.seen().pinned.size() == 1);
}
