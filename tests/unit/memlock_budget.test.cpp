// SPDX-License-Identifier: BSL-1.0
#include "gup/memlock_budget.hpp"

#include "gup_test/catch.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <system_error>

namespace {

using gup::memlock_budget;
using gup::pin_budget;
using gup::pin_failure;

/// A machine whose limit and /proc files the test writes.
struct scripted_kernel : gup::system_kernel {
    static inline std::uint64_t limit = 0;
    static inline std::string status;
    static inline std::string uid_map;
    static inline std::string limits;
    static inline int limit_error = 0;
    static inline int text_error = 0;

    static int memlock_limit(std::uint64_t& bytes) noexcept {
        bytes = limit;
        return limit_error;
    }
    static int read_text(const char* path, std::string& text) {
        text.clear();
        if (text_error != 0) return text_error;
        if (std::string(path) == "/proc/thread-self/status")
            text = status;
        else if (std::string(path) == "/proc/thread-self/uid_map")
            text = uid_map;
        else if (std::string(path) == "/proc/thread-self/limits")
            text = limits;
        else
            return -ENOENT;
        return 0;
    }
};

constexpr auto initial_namespace = "         0          0 4294967295\n";

memlock_budget read_scripted(std::uint64_t limit, std::string status,
                             std::string uid_map = initial_namespace) {
    scripted_kernel::limit = limit;
    scripted_kernel::status = std::move(status);
    scripted_kernel::uid_map = std::move(uid_map);
    scripted_kernel::limit_error = 0;
    scripted_kernel::text_error = 0;
    return memlock_budget::read<scripted_kernel>();
}

memlock_budget ordinary(std::uint64_t limit, std::uint64_t locked = 0, std::uint64_t pinned = 0) {
    return {.limit = limit, .lifted = false, .locked_vm = locked, .pinned_vm = pinned};
}

pin_failure refused(int code, std::uint64_t need) {
    pin_failure failure;
    failure.code = std::error_code(code, std::generic_category());
    failure.call = "call";
    failure.need = need;
    return failure;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("reading the budgets finds limit, use and capability") {
    const auto budget = read_scripted(8 << 20, "Name:\tx\nVmLck:\t      64 kB\nVmPin:\t       8 kB\n"
                                               "CapPrm:\tffffffffffffffff\nCapEff:\t0000000000000000\n");
    CHECK(budget.limit == 8U << 20);
    CHECK(budget.lifted == false);
    CHECK(budget.used(pin_budget::locked_vm) == 65536U);
    CHECK(budget.used(pin_budget::pinned_vm) == 8192U);
    CHECK_FALSE(budget.used(pin_budget::user_locked_vm).has_value());
    CHECK_FALSE(budget.used(pin_budget::user_defined).has_value());
}

TEST_CASE("CAP_IPC_LOCK lifts the limit, and no other capability does") {
    CHECK(read_scripted(4096, "CapEff:\t0000000000004000\n").lifted == true);
    CHECK(read_scripted(4096, "CapEff:\t000001ffffffbfff\n").lifted == false);
}

TEST_CASE("a capability inside a user namespace of the process's own lifts nothing") {
    const std::string everything = "CapEff:\t000001ffffffffff\n";
    CHECK(read_scripted(4096, everything, "         0       1000          1\n").lifted == false);
    CHECK(read_scripted(4096, everything, "         0          0          1\n").lifted == false);
    CHECK(read_scripted(4096, everything, "         0          0").lifted == false);
    CHECK(read_scripted(4096, everything, "").lifted == true);
}

TEST_CASE("what cannot be read stays empty and refuses nothing") {
    read_scripted(4096, "");
    scripted_kernel::text_error = -ENOENT;
    const auto without_proc = memlock_budget::read<scripted_kernel>();
    CHECK(without_proc.limit == 4096U);
    CHECK_FALSE(without_proc.lifted.has_value());
    CHECK_FALSE(without_proc.locked_vm.has_value());
    pin_failure failure;
    CHECK(without_proc.check(pin_budget::locked_vm, 1 << 30, failure));

    scripted_kernel::limit_error = -EPERM;
    CHECK_FALSE(memlock_budget::read<scripted_kernel>().limit.has_value());

    const auto garbage = read_scripted(4096, "VmLck:\nVmPin: many kB\nCapEff");
    CHECK_FALSE(garbage.locked_vm.has_value());
    CHECK_FALSE(garbage.pinned_vm.has_value());
    CHECK_FALSE(garbage.lifted.has_value());
}

TEST_CASE("an infinite limit is no limit") {
    const auto budget = read_scripted(RLIM_INFINITY, "CapEff:\t0\n");
    CHECK_FALSE(budget.limit.has_value());
    CHECK_FALSE(budget.available(pin_budget::locked_vm).has_value());
}

TEST_CASE("what is available is the limit less the visible use of that budget alone") {
    const auto budget = ordinary(100'000, 60'000, 120'000);
    CHECK(budget.available(pin_budget::locked_vm) == 40'000U);
    CHECK(budget.available(pin_budget::pinned_vm) == 0U);
    CHECK(budget.available(pin_budget::user_locked_vm) == 100'000U);
    CHECK_FALSE(budget.available(pin_budget::none).has_value());
    CHECK_FALSE(budget.available(pin_budget::user_defined).has_value());

    auto privileged = budget;
    privileged.lifted = true;
    CHECK_FALSE(privileged.available(pin_budget::locked_vm).has_value());
}

TEST_CASE("a need that cannot fit is refused with budget, numbers and remedy") {
    pin_failure failure;
    REQUIRE_FALSE(ordinary(65536, 4096).check(pin_budget::locked_vm, 69632, failure));
    CHECK(failure.code == std::errc::not_enough_memory);
    CHECK(failure.budget == pin_budget::locked_vm);
    CHECK(failure.need == 69632);
    CHECK(failure.use == 4096);
    CHECK(failure.limit == 65536);
    CHECK(contains(failure.remedy, "`ulimit -l 72`"));
    CHECK(contains(failure.remedy, "LimitMEMLOCK=72K"));
    CHECK(contains(failure.remedy, "/etc/security/limits.d/"));
    CHECK(contains(failure.remedy, "setcap cap_ipc_lock+ep"));
}

TEST_CASE("a limit of zero is refused as the kernel does, with EPERM") {
    pin_failure failure;
    REQUIRE_FALSE(ordinary(0).check(pin_budget::locked_vm, 4096, failure));
    CHECK(failure.code == std::errc::operation_not_permitted);
}

TEST_CASE("only what the kernel is certain to refuse is refused beforehand") {
    pin_failure failure;
    const auto budget = ordinary(65536, 65536, 4096);
    CHECK(budget.check(pin_budget::locked_vm, 65536, failure)); // all of it may be locked already
    CHECK(budget.check(pin_budget::pinned_vm, 61440, failure));
    CHECK_FALSE(budget.check(pin_budget::pinned_vm, 61441, failure));
    CHECK_FALSE(budget.check(pin_budget::pinned_vm, UINT64_MAX, failure));
    CHECK(budget.check(pin_budget::user_locked_vm, 1 << 30, failure));
    CHECK(budget.check(pin_budget::user_defined, 1 << 30, failure));

    auto privileged = budget;
    privileged.lifted = true;
    CHECK(privileged.check(pin_budget::locked_vm, 1 << 30, failure));
}

TEST_CASE("a check that passes leaves the failure alone") {
    auto failure = refused(EIO, 7);
    CHECK(ordinary(65536).check(pin_budget::locked_vm, 4096, failure));
    CHECK(failure.code.value() == EIO);
    CHECK(failure.need == 7);
    CHECK(failure.remedy.empty());
}

TEST_CASE("a refusal is explained by the account that is full") {
    auto failure = refused(ENOMEM, 8192);
    REQUIRE(ordinary(65536, 61440).explain(pin_budget::locked_vm, failure));
    CHECK(failure.code.value() == ENOMEM);
    CHECK(failure.budget == pin_budget::locked_vm);
    CHECK(failure.need == 8192);
    CHECK(failure.use == 61440);
    CHECK(failure.limit == 65536);
    CHECK(contains(failure.remedy, "`ulimit -l 68`"));
}

TEST_CASE("a refusal with room in a visible account has another cause") {
    auto failure = refused(ENOMEM, 4096);
    CHECK_FALSE(ordinary(65536, 61440).explain(pin_budget::locked_vm, failure));
    CHECK(failure.budget == pin_budget::none);
    CHECK(failure.remedy.empty());
}

TEST_CASE("an errno that no budget gives is not explained by one") {
    for (const int code : {EFAULT, EINVAL, EAGAIN, EPERM}) {
        auto failure = refused(code, 1 << 30);
        CHECK_FALSE(ordinary(65536).explain(pin_budget::locked_vm, failure));
    }
    auto failure = refused(EPERM, 4096);
    CHECK(ordinary(0).explain(pin_budget::locked_vm, failure));
}

TEST_CASE("no budget explains a refusal where no limit applies") {
    auto failure = refused(ENOMEM, 1 << 30);
    CHECK_FALSE(memlock_budget{}.explain(pin_budget::locked_vm, failure));
    CHECK_FALSE(ordinary(65536).explain(pin_budget::user_defined, failure));
    auto privileged = ordinary(65536);
    privileged.lifted = true;
    CHECK_FALSE(privileged.explain(pin_budget::locked_vm, failure));
}

TEST_CASE("a refused io_uring pin below the limit blames the user's other rings") {
    auto failure = refused(ENOMEM, 4096);
    REQUIRE(ordinary(65536).explain(pin_budget::user_locked_vm, failure));
    CHECK(failure.budget == pin_budget::user_locked_vm);
    CHECK(contains(failure.remedy, "`ulimit -l 68`"));
    CHECK(contains(failure.remedy, "all rings of this user"));
    CHECK(contains(failure.remedy, "end other programs"));
    CHECK(contains(failure.remedy, "try again"));

    auto larger = refused(ENOMEM, 65537);
    REQUIRE(ordinary(65536).explain(pin_budget::user_locked_vm, larger));
    CHECK_FALSE(contains(larger.remedy, "end other programs"));
}

TEST_CASE("a privileged process with a refused ring hears when the capability counts") {
    auto privileged = ordinary(65536);
    privileged.lifted = true;
    auto failure = refused(ENOMEM, 4096);
    REQUIRE(privileged.explain(pin_budget::user_locked_vm, failure));
    CHECK(contains(failure.remedy, "make the ring anew"));
}

TEST_CASE("no more is proposed than this process may do") {
    using gup::memlock_remedies;
    const memlock_remedies anything;
    CHECK(contains(anything.raise(8 << 20), "`ulimit -l 8192`"));
    CHECK(contains(anything.raise({}), "`ulimit -l unlimited`"));
    CHECK(contains(anything.raise({}), "LimitMEMLOCK=infinity"));
    CHECK(contains(anything.raise({}), "setcap"));
    CHECK_FALSE(contains(anything.raise({}), "capset"));

    const memlock_remedies limited{.hard_limit = 65536};
    CHECK(contains(limited.raise(65536), "`ulimit -l 64`"));
    for (const auto bytes : {std::optional<std::uint64_t>(65537), std::optional<std::uint64_t>()}) {
        CHECK_FALSE(contains(limited.raise(bytes), "ulimit"));
        CHECK(contains(limited.raise(bytes),
                       "have an administrator raise the limit, whose hard value is 65536"));
    }
    auto above = limited;
    above.above_hard_limit = true;
    CHECK(contains(above.raise(1 << 20), "`ulimit -l 1024`"));

    const memlock_remedies no_privileges{.file_capability = false};
    CHECK_FALSE(contains(no_privileges.raise(4096), "setcap"));
    CHECK(contains(no_privileges.raise(4096), "or with LimitMEMLOCK=4K"));
    const memlock_remedies contained{.hard_limit = 0, .file_capability = false, .contained = true};
    CHECK(contains(contained.raise(12345), "--ulimit memlock=12345:12345 where its container is started"));
    CHECK(contains(contained.raise({}), "--ulimit memlock=-1:-1"));
    const memlock_remedies asleep{.permitted = true};
    CHECK(contains(asleep.raise(4096), "capset"));
    CHECK(contains(anything.raise(UINT64_MAX), "`ulimit -l 18014398509481984`"));
}

TEST_CASE("what a process may do is read from /proc") {
    const std::string none = "CapPrm:\t0\nCapEff:\t0\n", all = "CapBnd:\t000001ffffffffff\n";
    scripted_kernel::limits =
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max locked memory         4096                 65536                bytes     \n";
    auto may = read_scripted(4096, none + all + "NoNewPrivs:\t0\n").remedies;
    CHECK(may.hard_limit == 65536U);
    CHECK(may.file_capability);
    CHECK_FALSE((may.above_hard_limit || may.permitted || may.contained));

    scripted_kernel::limits =
        "Max locked memory         unlimited            unlimited            bytes     \n";
    may = read_scripted(4096, none + all + "NoNewPrivs:\t1\n").remedies;
    CHECK_FALSE(may.hard_limit.has_value());
    CHECK_FALSE(may.file_capability);
    CHECK_FALSE(may.contained);

    scripted_kernel::limits.clear();
    may = read_scripted(4096, none + "CapBnd:\t000001ffffffbfff\n").remedies; // as docker leaves it
    CHECK(may.contained);
    CHECK_FALSE(may.file_capability);
    may = read_scripted(4096, "CapPrm:\t4000\nCapEff:\t1000000\n" + all).remedies;
    CHECK((may.permitted && may.above_hard_limit));
    may = read_scripted(4096, "CapPrm:\t4000\nCapEff:\t1004000\n" + all, "0 1000 1\n").remedies;
    CHECK((may.contained && !may.permitted && !may.above_hard_limit && !may.file_capability));
}

TEST_CASE("a need that nobody knows has a remedy without a number") {
    auto failure = refused(ENOMEM, 0);
    REQUIRE(ordinary(0).explain(pin_budget::user_locked_vm, failure));
    CHECK(contains(failure.remedy, "`ulimit -l unlimited`"));
    CHECK_FALSE(contains(failure.remedy, "ulimit -l 0"));
    CHECK_FALSE(contains(failure.remedy, "end other programs"));
    CHECK(contains(failure.message(), "needs an unknown number"));
}

TEST_CASE("the budgets of this process follow what it locks") {
    const auto before = memlock_budget::read();
    REQUIRE(before.locked_vm.has_value());
    REQUIRE(before.pinned_vm.has_value());
    REQUIRE(before.lifted.has_value());

    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    REQUIRE(gup::system_kernel::mlock(page, 4096) == 0);
    const auto during = memlock_budget::read();
    REQUIRE(::munmap(page, 4096) == 0);

    CHECK(*during.locked_vm == *before.locked_vm + 4096);
    CHECK(memlock_budget::read().locked_vm == before.locked_vm);
}

TEST_CASE("lowering the soft limit shows in the budgets") {
    rlimit original{};
    REQUIRE(::getrlimit(RLIMIT_MEMLOCK, &original) == 0);
    rlimit lowered = original;
    lowered.rlim_cur = 12345;
    REQUIRE(::setrlimit(RLIMIT_MEMLOCK, &lowered) == 0);
    const auto budget = memlock_budget::read();
    REQUIRE(::setrlimit(RLIMIT_MEMLOCK, &original) == 0);
    CHECK(budget.limit == 12345U);
}
