// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How many reads a disk does in a second when so many are under way all the time: the callback form of a
/// queue, polled for a while before its interrupt is waited for.

#include "../common/interrupt.hpp"
#include "disk.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace nvme {

/// Reads done, for how long.
struct rate {
    std::uint64_t reads = 0;
    double seconds = 0;
    double per_second() const noexcept { return static_cast<double>(reads) / seconds; }
};

/// Reads an extent in commands as large as the disk's requests: each begins the next read as soon as it has
/// ended. Throws command_failed, controller_failed, examples::interrupted; the controller has requests then.
class reader {
public:
    reader(disk& from, const extent& all) : disk_(from), left_(all) {
        for (request& by : disk_.requests()) by.on_end = [this](request& ended) { on_end(ended); };
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    ~reader() {
        for (request& by : disk_.requests()) by.on_end = nullptr;
    }

    rate run() {
        constexpr unsigned looks = 1000; // take some microseconds, as sleeping and waking does
        constexpr std::chrono::seconds limit{10};
        const auto begin = clock::now();
        auto deadline = begin + limit;
        for (request& by : disk_.requests()) start(by);
        for (unsigned looked = 0; under_way_ > 0;) {
            examples::throw_if_interrupted();
            if (disk_.queue().poll() > 0)
                looked = 0;
            else if (++looked == looks)
                deadline = clock::now() + limit;
            else if (looked > looks)
                disk_.queue().sleep(deadline);
        }
        if (failed_ != nullptr) disk_.queue().check(*failed_);
        return {reads_, std::chrono::duration<double>(clock::now() - begin).count()};
    }

private:
    void start(request& by) {
        if (left_.blocks == 0 || failed_ != nullptr) return;
        disk_.start(io::read, disk_.take(left_), by);
        ++under_way_;
    }
    void on_end(request& ended) {
        --under_way_;
        ++reads_;
        if (ended.status() != 0) failed_ = &ended;
        start(ended);
    }

    disk& disk_;
    extent left_;
    std::size_t under_way_ = 0;
    std::uint64_t reads_ = 0;
    const request* failed_ = nullptr;
};

} // namespace nvme
