// SPDX-License-Identifier: BSL-1.0
// The driver of the example nvme_read: how commands end, and what ends them when the controller does not.
#include "gup_test/catch.hpp"
#include "nvme/rate.hpp"
#include "nvme/verify_write.hpp"
#include "support/nvme.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using gup_test::nvme_scene;
using nvme::extent;
using nvme::io;
using namespace std::chrono_literals;

namespace {

thread_local std::size_t allocations = 0;

int reported = 0;
void count_report(const gup::release_failure&) noexcept { ++reported; }

/// What a call throws of this kind; empty if it throws nothing.
template <class Error, class Call>
std::string error_of(Call call) {
    try {
        call();
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

bool says(const std::string& text, const char* part) { return text.find(part) != text.npos; }

} // namespace

void* operator new(std::size_t bytes) {
    ++allocations;
    if (void* const memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("that a command has ended is learned by waiting, polling, a call and a descriptor") {
    nvme_scene scene;
    nvme::queue_pair& queue = scene.disk().queue();
    nvme::request& by = scene.request(0);

    scene.disk().start(io::read, {7, 1}, by);
    queue.wait(by);
    CHECK(scene.holds(by.pages(), 0, 7));

    scene.disk().start(io::read, {8, 1}, by);
    while (queue.poll() == 0) continue;
    CHECK_FALSE(by.under_way());
    CHECK(scene.holds(by.pages(), 0, 8));

    int calls = 0;
    by.on_end = [&](nvme::request& ended) {
        CHECK(&ended == &by);
        if (++calls < 5) scene.disk().start(io::read, {100, 1}, ended); // from within a call
    };
    scene.disk().start(io::read, {9, 1}, by);
    while (by.under_way()) {
        pollfd waited{.fd = queue.interrupt().fd(), .events = POLLIN, .revents = 0};
        REQUIRE(::poll(&waited, 1, 5000) == 1);
        queue.interrupt().wait(0ms);
        queue.poll();
    }
    CHECK(calls == 5);
    CHECK(scene.holds(by.pages(), 0, 100));
}

TEST_CASE("each queue has a vector of its own, and a thread") {
    nvme_scene scene(3);
    REQUIRE(scene.device->queues().size() == 3);
    for (const std::size_t i : {2UL, 0UL, 1UL}) {
        nvme::queue_pair& queue = scene.disk(i).queue();
        scene.disk(i).start(io::read, {i, 1}, scene.request(0, i));
        CHECK(queue.interrupt().wait(5s));
        for (nvme::queue_pair& other : scene.device->queues()) CHECK_FALSE(other.interrupt().wait(0ms));
        queue.wait(scene.request(0, i));
        CHECK(scene.holds(scene.request(0, i).pages(), 0, i));
    }
    std::vector<std::thread> threads;
    std::atomic<std::uint64_t> reads = 0;
    for (std::size_t i = 0; i < 3; ++i)
        threads.emplace_back([&, i] { reads += nvme::reader(scene.disk(i), {i * 6000, 6000}).run().reads; });
    for (std::thread& thread : threads) thread.join();
    CHECK(reads == 3 * (6000 / 64 + 1)); // of 8 pages, 64 blocks
}

TEST_CASE("more queues than the disk has are refused, and it is as before") {
    const std::string refused = error_of<std::exception>([] { nvme_scene scene(100, 1, 1); });
    INFO(refused);
    CHECK(says(refused, "vectors"));
    CHECK(nvme_scene().as_made({0, 8}));
}

TEST_CASE("blocks that a namespace does not have are refused") {
    nvme_scene scene;
    constexpr std::uint64_t most = ~std::uint64_t{0};
    for (const extent& all :
         {extent{32767, 2}, {32768, 1}, {0, 32769}, {0, most}, {1, most}, {most, 1}, {most, most}})
        CHECK_THROWS_AS(scene.disk().check(all), std::runtime_error);
    for (const extent& all : {extent{0, 32768}, {32767, 1}}) CHECK_NOTHROW(scene.disk().check(all));
}

TEST_CASE("no command allocates") {
    nvme_scene scene;
    nvme::reader reader(scene.disk(), {0, 9000});
    const std::size_t before = allocations;
    const nvme::rate done = reader.run();
    CHECK(allocations == before);
    CHECK(done.reads == 141);
    scene.disk().read({0, 9000}, [](const extent&, auto) {});
    scene.disk().run(io::read, {0, 8}, scene.request(0));
    scene.disk().run(io::write, {0, 8}, scene.request(0), nvme::durable::at_once);
    scene.disk().flush(scene.request(0));
    CHECK(allocations == before);
    CHECK(scene.as_made({0, 8}));
}

TEST_CASE("a queue takes as many commands as it has places, and says so") {
    nvme_scene scene(1, 64, 1);
    nvme::queue_pair& queue = scene.disk().queue();
    REQUIRE(queue.capacity() == 63);
    for (int round = 0; round < 3; ++round) { // ends in any order, so that the numbers are mixed
        for (std::size_t i = 0; i < queue.capacity(); ++i)
            scene.disk().start(io::read, {i, 1}, scene.request(i));
        CHECK(queue.full());
        CHECK_THROWS_AS(scene.disk().start(io::read, {0, 1}, scene.request(63)), std::logic_error);
        CHECK_THROWS_AS(scene.disk().start(io::read, {0, 1}, scene.request(0)), std::logic_error);
        for (std::size_t i = queue.capacity(); i-- > 0;) {
            queue.wait(scene.request(i));
            CHECK(scene.holds(scene.request(i).pages(), 0, i));
        }
        CHECK_FALSE(queue.full());
    }
    CHECK_THROWS_AS(scene.disk().start(io::read, {0, 9}, scene.request(0)), std::logic_error); // two pages
}

TEST_CASE("what a command is refused for is said with the command") {
    nvme_scene scene;
    const std::string refused = error_of<nvme::command_failed>([&] {
        scene.disk().run(io::read, {32768, 2}, scene.request(0));
    });
    CHECK(says(refused, "reading blocks 32768 to 32769 failed: LBA out of range"));
    CHECK(scene.as_made({0, 8}));
}

TEST_CASE("a command that is to be aborted ends, whatever the controller makes of that") {
    nvme_scene scene;
    scene.disk().start(io::read, {0, 64}, scene.request(0));
    scene.device->abort(scene.disk().queue(), scene.request(0)); // QEMU aborts none
    error_of<nvme::command_failed>([&] { scene.disk().queue().wait(scene.request(0)); });
    CHECK_FALSE(scene.request(0).under_way());
    CHECK(scene.as_made({0, 64}));
}

TEST_CASE("a reset ends what is under way, tells it, and the controller works on") {
    const auto before = gup::on_release_failure(&count_report);
    reported = 0;
    {
        nvme_scene scene(2);
        int calls = 0;
        for (nvme::request& by : scene.requests[1])
            by.on_end = [&](nvme::request& ended) {
                CHECK(ended.status() != 0);
                if (++calls == 1) scene.disk(1).start(io::read, {5, 1}, ended); // goes to the queue made anew
            };
        for (std::size_t i = 0; i < 4; ++i) scene.disk(1).start(io::read, {i, 1}, scene.request(i, 1));
        scene.device->reset();
        CHECK(calls == 4);
        for (nvme::request& by : scene.requests[1]) by.on_end = nullptr;
        for (nvme::request& by : scene.requests[1])
            if (by.under_way()) scene.disk(1).queue().wait(by);
        CHECK(scene.as_made({0, 1000}));

        scene.disk(1).start(io::read, {0, 8}, scene.request(0, 1)); // and goes with one under way
    }
    CHECK(reported == 0);
    gup::on_release_failure(before);
}

TEST_CASE("a controller that is broken is noticed and reset, also from outside") {
    nvme_scene scene;
    scene.way.device().disable_bus_master(); // the next command cannot be fetched
    const std::string broken = error_of<nvme::controller_failed>([&] {
        scene.disk().run(io::read, {3, 1}, scene.request(0));
    });
    CHECK(says(broken, "reading blocks 3 to 3 failed: the controller reports that it is broken"));
    CHECK(scene.request(0).under_way());
    scene.device->reset();
    CHECK_FALSE(scene.request(0).under_way());
    CHECK(scene.as_made({0, 8}));

    scene.way.device().disable_bus_master();
    std::thread([&] { scene.way.give_up(); }).join();
    const std::string given_up = error_of<nvme::controller_failed>([&] {
        scene.disk().run(io::read, {3, 1}, scene.request(0));
    });
    CHECK(says(given_up, "given up"));
    scene.disk().reset();
    CHECK(scene.as_made({0, 8}));
}

TEST_CASE("blocks that are overwritten are restored when the controller fails, and when a signal comes") {
    nvme_scene scene;
    scene.request(1).on_end = [&](nvme::request& ended) { // the pattern is on the disk
        if (ended.last().opcode == static_cast<std::uint8_t>(io::write))
            scene.way.device().disable_bus_master();
    };
    const auto verify = [&](auto done) { nvme::verify_write(scene.disk(), {0, 300}, done); };
    CHECK(says(error_of<nvme::controller_failed>([&] { verify([](std::size_t) {}); }), "is broken"));
    scene.request(1).on_end = nullptr;
    CHECK(scene.as_made({0, 300}));

    int parts = 0;
    CHECK_THROWS_AS(verify([&](std::size_t) { examples::stop_signal = ++parts == 2 ? SIGINT : 0; }),
                    examples::interrupted);
    examples::stop_signal = 0;
    CHECK(parts == 2);
    CHECK(scene.as_made({0, 300}));
    verify([](std::size_t) {});
    CHECK(scene.as_made({0, 300}));
}
