// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the operations of io_uring take beside a page: entries of the two queues, and what may be named in
/// braces.

#include "gup/subrange.hpp"

#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

struct io_uring_cqe;
struct io_uring_sqe;

namespace gup::inline GUP_NAMESPACE {

/// An entry of the submission queue, as io_uring_get_sqe returns it; null if the queue is full, which every
/// operation refuses (EAGAIN) and leaves the page with the caller.
class submission_entry {
public:
    submission_entry(io_uring_sqe* entry) noexcept : entry_(entry) {}
    submission_entry(io_uring_sqe& entry) noexcept : entry_(&entry) {}
    io_uring_sqe* get() const noexcept { return entry_; }

private:
    io_uring_sqe* entry_;
};

/// An entry of the completion queue, as io_uring_wait_cqe finds it; null if there is none, which completes
/// nothing (EINVAL).
class completion_entry {
public:
    completion_entry(const io_uring_cqe* entry) noexcept : entry_(entry) {}
    completion_entry(const io_uring_cqe& entry) noexcept : entry_(&entry) {}
    const io_uring_cqe* get() const noexcept { return entry_; }

private:
    const io_uring_cqe* entry_;
};

/// What the program tells an operation by: a number or a pointer. As a user_data not ~0.
class operation_user_data {
public:
    template <class Number>
        requires(std::integral<Number> || std::is_enum_v<Number>)
    constexpr operation_user_data(Number number) noexcept : value_(static_cast<std::uint64_t>(number)) {}
    template <class Object>
    operation_user_data(Object* object) noexcept : value_(reinterpret_cast<std::uintptr_t>(object)) {}
    constexpr std::uint64_t value() const noexcept { return value_; }
    friend bool operator==(operation_user_data, operation_user_data) noexcept = default;

private:
    std::uint64_t value_;
};

/// Where a cookie goes to: a number of 64 bits or a pointer, as it was given.
class cookie_target {
public:
    template <class Value>
        requires(std::integral<Value> || std::is_enum_v<Value> || std::is_pointer_v<Value>)
    cookie_target(Value& value)
    noexcept : value_(&value) {
        static_assert(sizeof value == sizeof(std::uint64_t), "a cookie has 64 bits");
    }
    void set(std::uint64_t cookie) const noexcept { std::memcpy(value_, &cookie, sizeof cookie); }

private:
    void* value_;
};

/// Of an operation of which the domain keeps a record.
struct record_options {
    subrange part{};                ///< of the page
    operation_user_data cookie = 0; ///< the program's: comes back with the page
};

/// Of an operation of which the program keeps a token, and names `user_data`.
struct token_options {
    subrange part{}; ///< of the page
    operation_user_data user_data;
};

} // namespace gup::inline GUP_NAMESPACE
