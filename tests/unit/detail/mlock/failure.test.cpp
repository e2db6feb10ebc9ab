// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/mlock/failure.hpp"

#include "gup/domain/mlock.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/pretend_memory.hpp"

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using memory = gup_test::pretend_memory;
using gup_test::page_kind;
using domain = gup::basic_mlock_domain<memory>;
using calls = std::vector<std::string>;

constexpr std::size_t page = 4096;

gup::pin_failure refusal(domain& pins, std::span<const std::byte> range) {
    gup::pin_failure failure;
    CHECK_FALSE(pins.try_pin(range, gup::dma_access::read, failure).has_value());
    return failure;
}

bool says(const gup::pin_failure& failure, std::string_view part) {
    UNSCOPED_INFO(failure.message());
    return failure.message().find(part) != std::string::npos;
}

} // namespace

TEST_CASE("A hole is refused by its address before anything is locked") {
    domain pins;
    memory::reset();
    memory::map(0, 40);
    memory::map(41, 40);

    for (const std::size_t first : {38U, 1U}) { // asked page by page, and by the list of mappings
        const auto failure = refusal(pins, memory::range(first, 60));
        CHECK(failure.code == std::errc::not_enough_memory);
        CHECK(failure.budget == gup::pin_budget::none);
        CHECK(says(failure, "nothing is mapped at " + gup::detail::hexadecimal(memory::address(40))));
    }
    CHECK(memory::calls.empty());
}

TEST_CASE("A hole is not taken for a budget, however little of that is left") {
    domain pins;
    memory::reset();
    memory::map(0, 8);
    memory::limit = 64 * 1024;
    memory::files["/proc/thread-self/status"] = "VmLck:\t      60 kB\nCapEff:\t0000000000000000\n";

    const auto failure = refusal(pins, memory::range(0, 10));

    CHECK(failure.budget == gup::pin_budget::none);
    CHECK(says(failure, "nothing is mapped at " + gup::detail::hexadecimal(memory::address(8))));
}

TEST_CASE("A refusal names inaccessible memory") {
    domain pins;
    memory::reset();
    memory::map(0, 4);
    memory::map(4, 4, page_kind::inaccessible);

    const auto failure = refusal(pins, memory::range(0, 8));

    CHECK(says(failure, "PROT_NONE"));
    CHECK(says(failure, gup::detail::hexadecimal(memory::address(4))));
    CHECK(memory::locked() == 0);
}

TEST_CASE("Bytes over the budget are refused before any lock, with the numbers") {
    domain pins;
    memory::reset();
    memory::map(0, 100);
    memory::limit = 64 * 1024;
    memory::files["/proc/thread-self/status"] =
        "VmLck:\t      20 kB\nVmPin:\t 0 kB\nCapEff:\t0000000000000000\n";
    memory::files["/proc/thread-self/uid_map"] = "         0          0 4294967295\n";

    const auto kept = pins.pin(memory::range(0, 5));
    const auto failure = refusal(pins, memory::range(0, 17));

    CHECK(memory::calls == calls{"mlock 0+5"});
    CHECK(failure.code == std::errc::not_enough_memory);
    CHECK(failure.budget == gup::pin_budget::locked_vm);
    CHECK(failure.need == 12 * page);
    CHECK(failure.use == 20 * 1024);
    CHECK(failure.limit == 64 * 1024);
    CHECK(says(failure, "VmLck"));
    CHECK(says(failure, "ulimit -l"));
    CHECK(failure.range.data() == memory::range(0, 17).data());
}

TEST_CASE("With CAP_IPC_LOCK no budget is checked") {
    domain pins;
    memory::reset();
    memory::map(0, 100);
    memory::limit = 0;
    memory::files["/proc/thread-self/status"] = "VmLck:\t      0 kB\nCapEff:\t0000000000004000\n";
    memory::files["/proc/thread-self/uid_map"] = "         0          0 4294967295\n";

    CHECK(pins.pin(memory::range(0, 17)).bytes() == 17 * page);
}

TEST_CASE("A process with all its mappings used up is told so") {
    const gup::detail::lock_refusal refused{
        .call = "mlock", .error = ENOMEM, .pages = {memory::address(0), memory::address(1)}};
    memory::reset();
    memory::map(0, 1);
    memory::map(2, 1);
    memory::files["/proc/sys/vm/max_map_count"] = "3\n";
    gup::pin_failure failure;

    gup::detail::explain_refusal<memory>(refused, failure);

    CHECK(says(failure, "2 of at most 3 mappings"));
    CHECK(says(failure, "sysctl vm.max_map_count=6"));
}

TEST_CASE("Every other refusal says what it means") {
    memory::reset();
    memory::map(0, 1);
    const auto explained = [](int error, const char* call = "mlock") {
        const gup::detail::lock_refusal refused{
            .call = call, .error = error, .pages = {memory::address(0), memory::address(1)}};
        gup::pin_failure failure;
        gup::detail::explain_refusal<memory>(refused, failure);
        CHECK(failure.code.value() == error);
        CHECK(failure.budget == gup::pin_budget::none);
        return failure;
    };
    CHECK(says(explained(ENOMEM), "beyond the end of its file"));
    CHECK(says(explained(EAGAIN), "too little free memory"));
    CHECK(says(explained(EPERM), "seccomp"));
    CHECK(says(explained(ENOSYS, "mlock2"), "use mlock_mode::populate"));
    CHECK(says(explained(ENOSYS), "hidden by a seccomp filter")); // the mode in use is no remedy
    CHECK(says(explained(EIO), "does not know"));
}

TEST_CASE("A failure thrown is the failure filled in") {
    domain pins;
    memory::reset();
    memory::map(0, 4);
    const auto filled = refusal(pins, memory::range(0, 8));

    try {
        const auto pinned = pins.pin(memory::range(0, 8));
        FAIL("pinned a hole");
    } catch (const gup::pin_error& error) {
        CHECK(error.code() == filled.code);
        CHECK(error.failure().message() == filled.message());
        CHECK(error.failure().range.size() == 8 * page);
    }
}
