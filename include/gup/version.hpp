// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The version of gup, and the namespaces that keep its releases apart.
///
/// Shared objects that were built with different releases can be in one process, each with its own: all names
/// are in an inline namespace of the release, so that neither the linker nor the loader takes one release's
/// functions and objects for another's. A type of gup in the interface of a library is the same to its
/// program only if both were built with the same release: a pin_error of another is caught as the
/// std::system_error that it is, and a hook hears of what its own release could not do.
///
/// Programs are also made of objects that were built with exceptions and without (-fno-exceptions). What
/// throws in the ones ends the program in the others, and no destructor runs where it is thrown through
/// those: so each kind has functions and types of its own, too, in one more inline namespace, and a function
/// with a parameter of gup's links only with its own kind; of what a function returns or a variable is, the
/// linker knows nothing. The hooks are the same. -fno-rtti makes no difference.
///
/// What must be one for a process whatever the releases, the counts of mlock, lies outside of it, in
/// `gup::process_wide_v1`. Its layout and the meaning of its members are frozen, detail/mlock/layout.hpp
/// checks what can be checked. A release that must change it renames that namespace in all headers, to
/// process_wide_v2; shared objects built with the one and with the other then unlock each other's pages, and
/// must not pin the same ones. Where functions there throw they have nothing to undo: the linker may have
/// taken them from an object without exceptions.

/// The release: MAJOR.MINOR.PATCH. Nothing else says it; the build reads it here.
#define GUP_VERSION_MAJOR 0
#define GUP_VERSION_MINOR 1
#define GUP_VERSION_PATCH 0

/// The release as one number that can be compared: 10203 is 1.2.3.
#define GUP_VERSION (GUP_VERSION_MAJOR * 10000 + GUP_VERSION_MINOR * 100 + GUP_VERSION_PATCH)

/// The inline namespace of the release; a macro, because nothing else can give a namespace its name.
#define GUP_RELEASE GUP_RELEASE_OF(GUP_VERSION_MAJOR, GUP_VERSION_MINOR, GUP_VERSION_PATCH)
#define GUP_RELEASE_OF(major, minor, patch) GUP_RELEASE_PASTE(major, minor, patch)
#define GUP_RELEASE_PASTE(major, minor, patch) v##major##_##minor##_##patch

/// The rest of a header is to compilers as of a system's, wherever it lies: the warnings that a program turns
/// on are about the program (`-Wshadow` would say that a global of its own is shadowed by a name in here).
/// What gup says of a misuse is about the program, too, and stays. With GUP_WARN_IN_HEADERS, as in gup's own
/// build, there is no difference.
#ifdef GUP_WARN_IN_HEADERS
#define GUP_SYSTEM_HEADER
#else
#define GUP_SYSTEM_HEADER _Pragma("GCC system_header")
#endif

/// The inline namespace of what is not the same with exceptions and without. Where it is opened the header
/// becomes a system's: all but the first lines of a header are in there.
#ifdef __cpp_exceptions
#define GUP_NAMESPACE GUP_SYSTEM_HEADER GUP_RELEASE
#else
#define GUP_NAMESPACE GUP_SYSTEM_HEADER GUP_RELEASE::inline no_exceptions
#endif
