// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/io_uring/idle_entries.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/stub_scene.hpp"

#include <cstdint>
#include <rapidcheck.h>
#include <vector>

namespace {

using gup::detail::entry_at;
using gup::detail::idle_entries;
using gup::detail::is_idle;
using gup::detail::make_idle;
using gup_test::stub_ring;

constexpr unsigned links = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;

struct scene : gup_test::stub_scene {
    using stub_scene::stub_scene;
    idle_entries leave_out() {
        return idle_entries(*gup::detail::ring_access::rings(made).ring_of(*handle().sq.sqes), handle());
    }
    io_uring& handle() { return ring.handle(); }
};

/// What an entry says: its flags, and its number, or zero if it is idle.
struct said {
    std::uint64_t number;
    unsigned flags;
    friend bool operator==(const said&, const said&) = default;
};

/// What the queue holds from this place on.
std::vector<said> queue_from(const io_uring& ring, unsigned first) {
    std::vector<said> all;
    for (unsigned at = first; at != ring.sq.sqe_tail; ++at) {
        const io_uring_sqe& sqe = entry_at(ring, at);
        all.push_back({is_idle(sqe) ? 0 : sqe.user_data, sqe.flags});
    }
    return all;
}

/// The same without idle entries, and without links that lead to none but such.
std::vector<said> without_idle(const std::vector<said>& queue) {
    std::vector<said> all;
    for (const said& one : queue) {
        if (one.number != 0)
            all.push_back(one);
        else if (!all.empty() && (one.flags & links) == 0)
            all.back().flags &= ~links;
    }
    return all;
}

} // namespace

TEST_CASE("an entry is idle until it is prepared again") {
    io_uring_sqe sqe{};
    make_idle(sqe, 0);
    CHECK(is_idle(sqe));
    CHECK((sqe.flags & IOSQE_CQE_SKIP_SUCCESS) == 0);
    io_uring_sqe own = sqe;
    io_uring_prep_nop(&own); // leaves the user_data
    CHECK_FALSE(is_idle(own));
    own = sqe;
    own.user_data = 5;
    CHECK_FALSE(is_idle(own));
    own = sqe;
    io_uring_prep_read(&own, 3, nullptr, 1, 0);
    CHECK_FALSE(is_idle(own));
}

TEST_CASE("the kernel gets the entries that are not idle, in order, and the rest is where it was") {
    CHECK(
        rc::check("whatever is idle, whatever is linked, whatever was flushed and however many it takes", [] {
            scene s(4, 4, *rc::gen::element<unsigned>(0U, IORING_SETUP_SQE128));
            s.ring.flush();
            const auto before = *rc::gen::inRange(0U, 2 * stub_ring::entries);
            for (unsigned i = 0; i < before; ++i) { // so that the queue wraps
                s.ring.entry();
                s.ring.submit();
            }
            const auto count = *rc::gen::inRange(0U, stub_ring::entries + 1);
            const auto flushed = *rc::gen::inRange(0U, count + 1);
            for (unsigned i = 0; i < count; ++i) {
                s.ring.entry();
                io_uring_sqe& sqe = entry_at(s.handle(), s.handle().sq.sqe_tail - 1);
                const unsigned flags = *rc::gen::element<unsigned>(0U, IOSQE_IO_LINK, IOSQE_IO_HARDLINK);
                io_uring_prep_nop(&sqe);
                sqe.flags = static_cast<std::uint8_t>(flags);
                sqe.user_data = i + 1;
                if (*rc::gen::arbitrary<bool>()) make_idle(sqe, flags);
                if (i + 1 == flushed) s.ring.flush();
            }
            const unsigned first = *s.handle().sq.khead;
            const unsigned tail = s.handle().sq.sqe_tail;
            const auto whole = queue_from(s.handle(), first);
            const auto expected = without_idle(whole);
            const auto taken = *rc::gen::inRange(0U, static_cast<unsigned>(expected.size()) + 1);
            {
                const auto left_out = s.leave_out();
                RC_ASSERT(queue_from(s.handle(), first) == expected);
                for (unsigned at = s.handle().sq.sqe_tail; at != tail; ++at)
                    RC_ASSERT(entry_at(s.handle(), at).user_data == ~std::uint64_t{0});
                RC_ASSERT(*s.handle().sq.ktail == first);
                s.ring.submit(taken);
            }
            if (taken == expected.size()) {
                RC_ASSERT(*s.handle().sq.khead == s.handle().sq.sqe_tail);
                return;
            }
            RC_ASSERT(s.handle().sq.sqe_tail == tail);
            const auto rest = queue_from(s.handle(), first + taken);
            std::size_t begin = 0; // in the whole, of what was not taken
            for (unsigned left = taken; left != 0; ++begin) left -= whole[begin].number != 0;
            for (std::size_t at = taken; at < whole.size(); ++at) {
                const said& now = rest[at - taken];
                const bool as_it_was = at < begin ? now.number == 0 : now == whole[at];
                RC_ASSERT(as_it_was);
            }
        }));
}

TEST_CASE("entries that a polling kernel thread was shown are not touched") {
    scene s(4, 4, IORING_SETUP_SQPOLL);
    make_idle(s.ring.entry(), 0);
    s.ring.flush();
    make_idle(s.ring.entry(), 0);
    {
        const auto left_out = s.leave_out();
        CHECK(s.handle().sq.sqe_tail == 1);
        CHECK(s.handle().sq.sqe_head == 1);
        CHECK(*s.handle().sq.ktail == 1);
    }
    CHECK(s.handle().sq.sqe_tail == 1);
}
