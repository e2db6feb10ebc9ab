// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Reads a file into the cache, with several blocks in flight.

#include "cache.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace dedup_cache {

class reader {
public:
    static constexpr unsigned depth = 16; // reads in flight, so also entries of the ring

    reader(io_uring& ring, domain in, cache& into, examples::progress& shown)
        : ring_(ring), domain_(std::move(in)), cache_(into), progress_(shown) {}

    /// Throws what went wrong first, when nothing is in flight any more, or at once if the ring fails.
    void read(cached_file& file, std::size_t block) {
        const std::uint64_t blocks = (file.size() + block - 1) / block;
        std::exception_ptr error;
        const auto attempt = [&error](auto step) {
            try {
                step();
            } catch (...) {
                if (!error) error = std::current_exception();
            }
        };
        for (std::uint64_t next = 0; in_flight_ > 0 || (next < blocks && !error);) {
            attempt([&] {
                while (!error && next < blocks && in_flight_ < depth && start(file, next, block)) ++next;
            });
            if (in_flight_ == 0) continue;
            wait();
            attempt([&] { finish_one(file, block); });
        }
        if (error) std::rethrow_exception(error);
    }

private:
    /// False if no page is free.
    bool start(cached_file& file, std::uint64_t index, std::size_t block) {
        auto page = cache_.free_page();
        if (!page) {
            if (in_flight_ == 0) throw std::runtime_error("no page of the cache is free");
            return false;
        }
        std::size_t slot = 0;
        while (operations_[slot]) ++slot;
        operations_[slot] =
            gup::prep_read_fixed(io_uring_get_sqe(&ring_), file.fd(), std::move(*page), index * block,
                                 {.part = {.offset = 0, .length = block}, .user_data = slot});
        indices_[slot] = index;
        ++in_flight_;
        return true;
    }

    void wait() {
        std::error_code error;
        gup::submit_and_wait(domain_, ring_, 1, error);
        const int code = error.value();
        if (code == 0 || code == EINTR || code == EAGAIN || code == EBUSY) return;
        examples::fail(code, "io_uring_enter"); // what is in flight is leaked by gup, never freed
    }

    void finish_one(cached_file& file, std::size_t block) {
        io_uring_cqe* cqe = nullptr;
        if (io_uring_peek_cqe(&ring_, &cqe) != 0) return;
        const auto slot = static_cast<std::size_t>(cqe->user_data);
        const int result = cqe->res;
        pinned_page page = gup::complete(std::move(operations_[slot]), cqe);
        io_uring_cqe_seen(&ring_, cqe);
        --in_flight_;

        const std::uint64_t offset = indices_[slot] * block;
        const auto expected = static_cast<std::size_t>(std::min<std::uint64_t>(block, file.size() - offset));
        if (result < 0) examples::fail(-result, "reading " + file.name());
        if (static_cast<std::size_t>(result) < expected)
            throw std::runtime_error(file.name() + " became shorter while it was read");
        std::ranges::fill(page.bytes().subspan(expected), std::byte{}); // behind the end of the file
        cache_.add({&file, indices_[slot]}, std::move(page));
        progress_.advance(expected);
    }

    io_uring& ring_;
    domain domain_;
    cache& cache_;
    examples::progress& progress_;
    std::array<gup::in_flight<pinned_page>, depth> operations_{};
    std::array<std::uint64_t, depth> indices_{};
    unsigned in_flight_ = 0;
};

} // namespace dedup_cache
