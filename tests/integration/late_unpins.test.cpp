// SPDX-License-Identifier: BSL-1.0
// Older kernels unpin up to a second after a ring was closed. Where one process runs all tests, as in a
// virtual machine, the next one would count those pages.
#define CATCH_CONFIG_EXTERNAL_INTERFACES // Catch2 2.13 only; 3 ignores it
#include "gup_test/catch.hpp"
#include "gup_test/rings.hpp"

#include <chrono>
#include <cstddef>
#include <thread>

namespace {

#if CATCH_VERSION_MAJOR == 2
using listener = Catch::TestEventListenerBase;
#else
using listener = Catch::EventListenerBase;
#endif

class waits_for_late_unpins : public listener {
public:
    using listener::listener;

    void testCaseStarting(const Catch::TestCaseInfo& info) override {
        listener::testCaseStarting(info);
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(3);
        while (gup_test::pinned_memory() > leaked_ && std::chrono::steady_clock::now() < limit)
            std::this_thread::yield();
        leaked_ = gup_test::pinned_memory(); // on purpose, by tests of quarantine
    }

private:
    std::size_t leaked_ = 0;
};

} // namespace

CATCH_REGISTER_LISTENER(waits_for_late_unpins)
