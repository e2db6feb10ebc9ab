// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A thread that lives as long as this object and does what it is asked, one thing after another: for tests
/// of what only one thread may do.

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace gup_test {

class errand_thread {
public:
    errand_thread() : thread_([this] { work(); }) {}
    errand_thread(const errand_thread&) = delete;
    errand_thread& operator=(const errand_thread&) = delete;
    ~errand_thread() {
        give({});
        thread_.join();
    }

    std::thread::id id() const { return thread_.get_id(); }

    /// Runs `body` on the thread, to its end; what it throws is thrown here.
    template <class Body>
    void run(Body body) {
        std::packaged_task<void()> task(body);
        auto done = task.get_future();
        give([&] { task(); });
        done.get();
    }

private:
    void give(std::function<void()> errand) {
        const std::lock_guard lock(mutex_);
        errand_ = std::move(errand);
        given_ = true;
        changed_.notify_one();
    }
    void work() {
        for (;;) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return given_; });
            given_ = false;
            const std::function<void()> errand = std::move(errand_);
            lock.unlock();
            if (!errand) return;
            errand();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> errand_;
    bool given_ = false;
    std::thread thread_;
};

} // namespace gup_test
