// SPDX-License-Identifier: BSL-1.0
// Reads in a second by the driver of the example nvme_read, and by the kernel's driver on a disk like it.
// Reported in the log of the machine, not judged: it has no accelerator.
#include "gup_test/catch.hpp"
#include "gup_test/skip.hpp"
#include "nvme/rate.hpp"
#include "support/nvme.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <liburing.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using gup_test::nvme_scene;

constexpr std::uint64_t blocks = 16384;
constexpr std::uint64_t blocks_of_page = nvme::page_size / 512;

/// The only disk that is left to the kernel.
std::string disk_of_kernel() {
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
        const std::string device = "/dev/" + entry.path().filename().string();
        if (device.find("/nvme") != device.npos && ::access(device.c_str(), R_OK) == 0) return device;
    }
    return "";
}

/// Reads the same blocks as often, by fixed reads of io_uring past the page cache.
class kernel_reader {
public:
    kernel_reader(const std::string& device, unsigned depth)
        : depth_(depth),
          fd_(::open(device.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC)),
          memory_(static_cast<std::byte*>(std::aligned_alloc(nvme::page_size, depth * nvme::page_size)),
                  &std::free) {
        const iovec all{memory_.get(), depth * nvme::page_size};
        REQUIRE(fd_ >= 0);
        REQUIRE(io_uring_queue_init(depth, &ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) ==
                0);
        REQUIRE(io_uring_register_buffers(&ring_, &all, 1) == 0);
    }
    kernel_reader(const kernel_reader&) = delete;
    kernel_reader& operator=(const kernel_reader&) = delete;
    ~kernel_reader() {
        io_uring_queue_exit(&ring_);
        ::close(fd_);
    }

    nvme::rate run() {
        next_ = 0;
        std::uint64_t done = 0;
        const auto begin = nvme::clock::now();
        for (unsigned slot = 0; slot < depth_; ++slot) start(slot);
        while (done < blocks / blocks_of_page) {
            REQUIRE(io_uring_submit_and_wait(&ring_, 1) >= 0);
            io_uring_cqe* cqe = nullptr;
            while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
                const auto slot = static_cast<unsigned>(cqe->user_data);
                if (cqe->res != static_cast<int>(nvme::page_size)) FAIL("a read failed");
                io_uring_cqe_seen(&ring_, cqe);
                ++done;
                start(slot);
            }
        }
        return {done, std::chrono::duration<double>(nvme::clock::now() - begin).count()};
    }

private:
    void start(unsigned slot) {
        if (next_ == blocks * 512) return;
        io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
        io_uring_prep_read_fixed(sqe, fd_, memory_.get() + slot * nvme::page_size, nvme::page_size, next_, 0);
        io_uring_sqe_set_data64(sqe, slot);
        next_ += nvme::page_size;
    }

    unsigned depth_;
    int fd_;
    std::unique_ptr<std::byte, void (*)(void*)> memory_;
    io_uring ring_{};
    std::uint64_t next_ = 0;
};

double median(std::vector<double> of) {
    std::ranges::sort(of);
    return of[of.size() / 2];
}

} // namespace

TEST_CASE("reads in a second are reported beside those of the kernel's driver") {
    const std::string device = disk_of_kernel();
    if (!gup_test::have_optional(!device.empty(), "the kernel has no NVMe disk here")) return;
    for (const unsigned depth : {1U, 32U}) {
        nvme_scene ours(1, depth, 1);
        kernel_reader kernels(device, depth);
        std::vector<double> ratios, mine, theirs;
        for (int round = 0; round < 5; ++round) {
            mine.push_back(nvme::reader(ours.disk(), {0, blocks}).run().per_second());
            theirs.push_back(kernels.run().per_second());
            ratios.push_back(mine.back() / theirs.back());
        }
        std::printf(
            "nvme_iops_vs_kernel  depth %2u  ratio %.2f  gup %.0f  kernel %.0f reads of 4 KiB a second\n",
            depth, median(ratios), median(mine), median(theirs));
        CHECK(median(ratios) > 0);
    }
}
