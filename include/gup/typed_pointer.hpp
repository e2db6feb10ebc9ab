// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `typed_pointer`: a pointer to an object of any type that remembers which, for what a page or proxy carries
/// without knowing it.

#include "gup/version.hpp"

namespace gup::inline GUP_NAMESPACE {

namespace detail {
template <class>
[[gnu::visibility("default")]] inline constexpr char type_key = 0; // its address stands for the type
}

/// Two words. Owns nothing. A type that its shared object hides is another type elsewhere.
class typed_pointer {
public:
    /// Points to nothing.
    constexpr typed_pointer() noexcept = default;
    /// Points to an object that the caller keeps.
    template <class T>
    explicit typed_pointer(T* object) noexcept
        : key_(object != nullptr ? &detail::type_key<T> : nullptr),
          object_(const_cast<void*>(erase(object))) {}

    explicit operator bool() const noexcept { return object_ != nullptr; }
    /// The object if it is of exactly this type, const included; else null.
    template <class T>
    T* get() const noexcept {
        return key_ == &detail::type_key<T> ? static_cast<T*>(object_) : nullptr;
    }
    /// As get, for a caller that knows the type.
    template <class T>
    T* unchecked_get() const noexcept {
        return static_cast<T*>(object_);
    }
    /// The object's address, to tell objects apart.
    const void* address() const noexcept { return object_; }
    /// True if both point to the same object as the same type.
    friend bool operator==(typed_pointer, typed_pointer) noexcept = default;

private:
    static const void* erase(const void* object) noexcept { return object; }

    const char* key_ = nullptr;
    void* object_ = nullptr;
};

} // namespace gup::inline GUP_NAMESPACE
