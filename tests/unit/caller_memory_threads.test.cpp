// SPDX-License-Identifier: BSL-1.0
// Threads that pin the caller's memory at the same time, and domains that take their time.
#include "gup/caller_memory.hpp"

#include "gup/domains.hpp"
#include "gup_test/asleep.hpp"
#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/pretend_domain.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace gup_test;
using gup::dma_access;
using gup::detail::page_range;

namespace {

using bytes = std::span<const std::byte>;

/// What all copies of a staged domain share.
struct stage {
    std::function<bool(bytes)> on_pin = [](bytes) { return true; }; ///< false refuses
    std::function<void(bytes)> on_release = [](bytes) {};
    std::atomic<int> pins{0};
    std::atomic<int> releases{0};
};

/// A domain that does what a test wants while it pins and unpins.
class staged {
public:
    using kernel = gup::system_kernel;

    class registration {
    public:
        registration() = default;
        registration(std::shared_ptr<stage> on, bytes range) : on_(std::move(on)), range_(range) {}
        registration(registration&&) noexcept = default;
        registration& operator=(registration&& other) noexcept {
            release(nullptr);
            on_ = std::move(other.on_);
            range_ = other.range_;
            return *this;
        }
        ~registration() { release(nullptr); }
        void release(std::unique_ptr<gup::pinned_memory>) noexcept {
            if (on_ == nullptr) return;
            on_->on_release(range_);
            ++on_->releases;
            on_ = nullptr;
        }
        std::size_t bytes() const noexcept { return range_.size(); }

    private:
        std::shared_ptr<stage> on_;
        std::span<const std::byte> range_{};
    };

    std::optional<registration> try_pin(bytes range, dma_access, gup::pin_failure& failure) {
        if (!on->on_pin(range)) {
            failure = {.code = std::make_error_code(std::errc::not_enough_memory), .range = range};
            return std::nullopt;
        }
        ++on->pins;
        return registration(on, range);
    }
    registration pin(bytes range, dma_access access) {
        gup::pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        throw gup::pin_error(std::move(failure));
    }
    friend bool operator==(const staged&, const staged&) noexcept = default;

    std::shared_ptr<stage> on = std::make_shared<stage>();
};
static_assert(gup::pin_domain<staged>);

std::optional<std::errc> refusal_of(staged& domain, std::span<std::byte> memory) {
    gup::pin_failure failure;
    if (const auto ref = gup::try_get_user_pages(domain, memory, failure)) return std::nullopt;
    return static_cast<std::errc>(failure.code.value());
}
void pin_and_put(staged& domain, std::span<std::byte> memory) {
    gup::put_user_page(gup::get_user_pages(domain, memory), gup::clean);
}

/// A thread of which one can tell when it waits for something.
class watched_thread {
public:
    explicit watched_thread(std::function<void()> body)
        : thread_([this, body = std::move(body)] {
              number_ = static_cast<pid_t>(::syscall(SYS_gettid));
              started_.count_down();
              body();
              done_ = true;
          }) {
        started_.wait();
    }
    /// Returns when it sleeps; false if it has ended instead.
    bool sleeps() const {
        while (!done_) {
            if (asleep(number_)) return true;
            std::this_thread::yield();
        }
        return false;
    }
    void join() { thread_.join(); }

private:
    std::latch started_{1};
    std::atomic<bool> done_{false};
    pid_t number_ = 0;
    std::jthread thread_;
};

bool marked(std::span<const std::byte> memory) {
    const page_range pages = gup::detail::touched_pages(memory, page_bytes());
    std::string maps;
    REQUIRE(gup::detail::read_maps<gup::system_kernel>(pages, maps) == 0);
    return gup::detail::mapping_marks<gup::system_kernel>::current().marked(maps, pages);
}

} // namespace

TEST_CASE("two threads are in the domain at a time, for ranges that do not overlap") {
    staged domain;
    private_pages memory(2);
    std::barrier both(2);
    domain.on->on_pin = [&](bytes) { return both.arrive_and_wait(), true; };
    domain.on->on_release = [&](bytes) { both.arrive_and_wait(); };
    std::jthread other([&] { pin_and_put(domain, memory.range(1, 1)); });
    pin_and_put(domain, memory.range(0, 1));
    other.join();
    CHECK(domain.on->pins == 2);
    CHECK(domain.on.use_count() == 1);
}

TEST_CASE("who pins what another thread pins just now waits and shares its pin") {
    memory_file file(2);
    mapping one(file.fd(), 0, 2), other(file.fd(), 0, 2);
    for (const mapping* const wanted : {&one, &other}) {
        staged domain;
        std::latch begun(1), go_on(1);
        domain.on->on_pin = [&](bytes) { return begun.count_down(), go_on.wait(), true; };
        std::optional<gup::user_page_ref<staged, dma_access::read_write>> first, second;
        watched_thread pins([&] { first = gup::get_user_pages(domain, one.all()); });
        begun.wait();
        CHECK_FALSE(gup::find_get_page(domain, one.page(0)).has_value());
        watched_thread waits([&] { second = gup::get_user_pages(domain, wanted->all()); });
        CHECK(waits.sleeps());
        go_on.count_down();
        pins.join();
        waits.join();
        CHECK(&gup::page_descriptor(*first) == &gup::page_descriptor(*second));
        CHECK(domain.on->pins == 1);
        CHECK(domain.on->releases == 0);
        first.reset();
        second.reset();
        CHECK(domain.on.use_count() == 1);
    }
}

TEST_CASE("who pins a part of what another thread pins just now is refused when that is pinned") {
    memory_file file(2);
    mapping one(file.fd(), 0, 2), other(file.fd(), 0, 2);
    for (const mapping* const wanted : {&one, &other}) {
        staged domain;
        std::latch begun(1), go_on(1), may_end(1);
        domain.on->on_pin = [&](bytes) { return begun.count_down(), go_on.wait(), true; };
        watched_thread pins([&] {
            auto ref = gup::get_user_pages(domain, one.all());
            may_end.wait();
        });
        begun.wait();
        std::optional<std::errc> refused;
        watched_thread waits([&] { refused = refusal_of(domain, wanted->range(1, 1)); });
        CHECK(waits.sleeps());
        go_on.count_down();
        waits.join();
        CHECK(refused == std::errc::device_or_resource_busy);
        may_end.count_down();
        pins.join();
    }
}

TEST_CASE("who waits for a pin that is refused pins it himself") {
    staged domain;
    private_pages memory(3);
    std::latch begun(1), go_on(1);
    std::atomic<int> asked{0};
    domain.on->on_pin = [&](bytes) {
        if (asked++ != 0) return true;
        begun.count_down();
        go_on.wait();
        return false;
    };
    std::optional<std::errc> refused;
    watched_thread pins([&] { refused = refusal_of(domain, memory.range(0, 2)); });
    begun.wait();
    std::optional<std::errc> also_refused = std::errc::io_error;
    watched_thread waits([&] { also_refused = refusal_of(domain, memory.range(1, 2)); });
    CHECK(waits.sleeps());
    go_on.count_down();
    pins.join();
    waits.join();
    CHECK(refused == std::errc::not_enough_memory);
    CHECK_FALSE(also_refused.has_value());
    CHECK(domain.on->pins == 1);
    CHECK(domain.on.use_count() == 1);
}

TEST_CASE("a range can be pinned again when its domain has let go of it, not before") {
    memory_file file(2);
    mapping one(file.fd(), 0, 2), other(file.fd(), 0, 2);
    for (const mapping* const wanted : {&one, &other}) {
        staged domain;
        std::latch begun(1), go_on(1);
        domain.on->on_release = [&](bytes) { begun.count_down(), go_on.wait(); };
        watched_thread puts([&] { pin_and_put(domain, one.all()); });
        begun.wait();
        CHECK_FALSE(gup::find_get_page(domain, one.page(0)).has_value());
        watched_thread waits([&] { pin_and_put(domain, wanted->range(1, 1)); });
        CHECK(waits.sleeps());
        CHECK(domain.on->pins == 1);
        go_on.count_down();
        puts.join();
        waits.join();
        CHECK(domain.on->pins == 2);
        CHECK(domain.on->releases == 2);
    }
}

TEST_CASE("a domain may pin memory while it pins or unpins, but not what it is asked for") {
    staged domain;
    memory_file file(2);
    mapping one(file.fd(), 0, 2), other(file.fd(), 0, 2);
    private_pages inner(1);
    const auto nested = [&](bytes range) {
        if (range.data() == inner.page(0)) return true;
        pin_and_put(domain, inner.all());
        CHECK(refusal_of(domain, one.all()) == std::errc::device_or_resource_busy);
        CHECK(refusal_of(domain, one.range(1, 1)) == std::errc::device_or_resource_busy);
        CHECK(refusal_of(domain, other.all()) == std::errc::device_or_resource_busy);
        return true;
    };
    domain.on->on_pin = nested;
    domain.on->on_release = [&](bytes range) { nested(range); };
    pin_and_put(domain, one.all());
    CHECK(domain.on->pins == 3);
    CHECK(domain.on->releases == 3);
    CHECK(domain.on.use_count() == 1);
}

TEST_CASE("whatever a domain throws leaves the range unmarked and free") {
    staged domain;
    private_pages memory(1);
    domain.on->on_pin = [](bytes) -> bool { throw std::bad_alloc(); };
    CHECK_THROWS_AS(gup::get_user_pages(domain, memory.all()), std::bad_alloc);
    CHECK_FALSE(marked(memory.all()));
    domain.on->on_pin = [](bytes) -> bool { throw 1; };
    CHECK_THROWS_AS(gup::get_user_pages(domain, memory.all()), int);
    CHECK_FALSE(marked(memory.all()));
    domain.on->on_pin = [](bytes) { return false; };
    CHECK(refusal_of(domain, memory.all()) == std::errc::not_enough_memory);
    CHECK_FALSE(marked(memory.all()));
    CHECK(domain.on.use_count() == 1);
    domain.on->on_pin = [](bytes) { return true; };
    pin_and_put(domain, memory.all());
    CHECK_FALSE(marked(memory.all()));
}

TEST_CASE("of several domains those before one that throws let go") {
    pretend_domain<> first;
    staged second;
    gup::domains both(first, second);
    private_pages memory(1);
    second.on->on_pin = [](bytes) -> bool { throw std::bad_alloc(); };
    CHECK_THROWS_AS(gup::get_user_pages(both, memory.all()), std::bad_alloc);
    CHECK(first.log->pins == 1);
    CHECK(first.log->releases == 1);
    CHECK_FALSE(marked(memory.all()));
}

TEST_CASE("threads share the pin of what one provider keeps alive, to the last put of any") {
    private_pages memory(1);
    staged domain;
    const auto kept = std::make_shared<int>(1);
    const auto pins_and_puts = [&] {
        staged mine = domain;
        for (int i = 0; i < 2000; ++i)
            gup::put_user_page(gup::get_user_pages<dma_access::read_write>(
                                   mine, memory.all(), gup::memory_provider{.keep_alive = kept}),
                               gup::clean);
    };
    std::thread other(pins_and_puts);
    pins_and_puts();
    other.join();
    CHECK(kept.use_count() == 1);
}

TEST_CASE("a child that is forked while a thread pins can pin the same memory") {
    staged domain;
    private_pages memory(1);
    std::latch begun(1), go_on(1);
    std::atomic<bool> waits{true};
    domain.on->on_pin = [&](bytes) {
        if (!waits) return true;
        begun.count_down();
        go_on.wait();
        return true;
    };
    std::jthread pins([&] { pin_and_put(domain, memory.all()); });
    begun.wait();
    const auto child = in_child([&] {
        waits = false;
        pin_and_put(domain, memory.all());
        return domain.on->pins == 1 && domain.on->releases == 1 ? 0 : 1;
    });
    go_on.count_down();
    pins.join();
    CHECK(child.exited_with(0));
    CHECK(domain.on->pins == 1);
}

TEST_CASE("threads that pin any ranges never have two that overlap pinned at a time") {
    constexpr std::size_t pages = 5;
    memory_file file(pages);
    mapping one(file.fd(), 0, pages), other(file.fd(), 0, pages);
    private_pages own(pages);
    const std::array<const mapping*, 3> areas{&one, &other, &own};

    staged domain;
    std::mutex lock;
    std::map<std::size_t, int> pinned; // by page, those of a file once
    std::atomic<bool> wrong{false};
    const auto numbers_of = [&](bytes range) {
        std::vector<std::size_t> numbers;
        for (std::size_t area = 0; area < areas.size(); ++area)
            for (std::size_t page = 0; page < pages; ++page)
                if (const std::byte* const at = areas[area]->page(page);
                    range.data() <= at && at < range.data() + range.size())
                    numbers.push_back(page + (area == 2 ? pages : 0));
        return numbers;
    };
    const auto count = [&](bytes range, int step) {
        const std::lock_guard guard(lock);
        for (const std::size_t number : numbers_of(range)) {
            pinned[number] += step;
            if (pinned[number] != 0 && pinned[number] != 1) wrong = true;
        }
    };
    std::atomic<unsigned> asked{0};
    domain.on->on_pin = [&](bytes range) {
        if (++asked % 7 == 0) return false;
        if (asked % 11 == 0) throw std::bad_alloc();
        count(range, 1);
        std::this_thread::yield();
        return true;
    };
    domain.on->on_release = [&](bytes range) {
        std::this_thread::yield();
        count(range, -1);
    };
    {
        std::vector<std::jthread> threads;
        for (unsigned seed = 0; seed < 3; ++seed)
            threads.emplace_back([&, seed] {
                std::minstd_rand random(seed + 1);
                std::vector<gup::user_page_ref<staged, dma_access::read_write>> held;
                for (int i = 0; i < 1500; ++i) {
                    const mapping& area = *areas[random() % areas.size()];
                    const std::size_t first = random() % pages;
                    const auto memory = area.range(first, 1 + random() % (pages - first));
                    try {
                        gup::pin_failure failure;
                        if (auto ref = gup::try_get_user_pages(domain, memory, failure))
                            held.push_back(std::move(*ref));
                    } catch (const std::bad_alloc&) {
                    }
                    if (held.size() > 2) held.erase(held.begin());
                }
            });
    }
    CHECK_FALSE(wrong);
    for (const auto& [number, times] : pinned) CHECK(times == 0);
    CHECK(domain.on->pins == domain.on->releases);
    CHECK(domain.on.use_count() == 1);
}
