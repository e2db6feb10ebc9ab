# SPDX-License-Identifier: BSL-1.0
# sh std_includes.sh PROJECT_DIR: fails if a header uses a name of the standard library, of those listed here, and does
# not include the standard header of that name itself.
set -eu
cd "$1/include"

find gup -name '*.hpp' -exec awk '
function provide(header, names,   list, count, i) {
    count = split(names, list, " ")
    for (i = 1; i <= count; i++) header_of[list[i]] = header
}
BEGIN {
    provide("algorithm", "all_of any_of clamp copy copy_n count_if equal fill find find_if find_first_of for_each" \
        " lower_bound max min min_element max_element none_of partition_point ranges reverse rotate sort upper_bound")
    provide("array", "array")
    provide("atomic", "atomic atomic_ref atomic_signal_fence atomic_thread_fence memory_order_acq_rel" \
        " memory_order_acquire memory_order_relaxed memory_order_release memory_order_seq_cst")
    provide("bit", "bit_cast bit_ceil bit_floor bit_width countl_zero countr_zero has_single_bit popcount")
    provide("cerrno", "errno")
    provide("charconv", "from_chars to_chars")
    provide("chrono", "chrono")
    provide("concepts", "constructible_from convertible_to copy_constructible copyable default_initializable" \
        " derived_from equality_comparable integral invocable movable regular same_as unsigned_integral")
    provide("cstddef", "byte max_align_t nullptr_t offsetof ptrdiff_t size_t")
    provide("cstdint", "int16_t int32_t int64_t int8_t intptr_t uint16_t uint32_t uint64_t uint8_t uintptr_t" \
        " UINTPTR_MAX UINT32_MAX UINT64_MAX")
    provide("cstdio", "fprintf fputs printf snprintf")
    provide("cstdlib", "abort exit getenv qsort")
    provide("cstring", "memcmp memcpy memmove memset strerror strlen")
    provide("exception", "current_exception exception exception_ptr terminate uncaught_exceptions")
    provide("functional", "function hash invoke less plus")
    provide("iterator", "advance back_inserter default_sentinel_t distance next prev")
    provide("limits", "numeric_limits")
    provide("memory", "addressof allocator make_shared make_unique shared_ptr unique_ptr weak_ptr")
    provide("mutex", "adopt_lock call_once defer_lock lock lock_guard mutex once_flag scoped_lock unique_lock")
    provide("new", "bad_alloc launder nothrow")
    provide("optional", "nullopt nullopt_t optional")
    provide("random", "mt19937 random_device uniform_int_distribution")
    provide("span", "dynamic_extent span")
    provide("stdexcept", "invalid_argument length_error logic_error out_of_range runtime_error")
    provide("string", "stoul string to_string")
    provide("string_view", "string_view")
    provide("system_error", "errc error_code generic_category make_error_code system_category system_error")
    provide("thread", "this_thread thread")
    provide("tuple", "apply forward_as_tuple make_tuple tie tuple")
    provide("type_traits", "conditional_t decay_t enable_if_t false_type integral_constant invoke_result_t is_base_of_v" \
        " is_const_v is_convertible_v is_empty_v is_enum_v is_integral_v is_invocable_v is_nothrow_move_constructible_v" \
        " is_same_v is_standard_layout_v is_trivially_copyable_v is_trivially_destructible_v is_void_v remove_const_t" \
        " remove_cv_t remove_cvref_t remove_reference_t true_type type_identity type_identity_t underlying_type_t void_t")
    provide("unordered_map", "unordered_map")
    provide("utility", "as_const declval exchange forward in_place in_place_t index_sequence make_index_sequence" \
        " make_pair move pair swap")
    provide("vector", "vector")
}
function note(name) {
    if (name in header_of && !((FILENAME, header_of[name]) in used)) used[FILENAME, header_of[name]] = name
}
/^#include </ {
    sub(/^#include </, "")
    sub(/>.*/, "")
    included[FILENAME, $0] = 1
    next
}
/^#/ { next }
{
    gsub(/"([^"\\]|\\.)*"/, "")
    sub(/\/\/.*/, "")
    rest = $0
    while (match(rest, /std::[a-zA-Z0-9_]+/)) {
        note(substr(rest, RSTART + 5, RLENGTH - 5))
        rest = substr(rest, RSTART + RLENGTH)
    }
    # names without std:: in front: macros
    if (match($0, /(^|[^A-Za-z0-9_])(E[A-Z][A-Z0-9]+|errno)([^A-Za-z0-9_]|$)/)) note("errno")
    if ($0 ~ /(^|[^A-Za-z0-9_])offsetof\(/) note("offsetof")
    if ($0 ~ /(^|[^A-Za-z0-9_])UINTPTR_MAX([^A-Za-z0-9_]|$)/) note("UINTPTR_MAX")
    if ($0 ~ /::new \(/) note("launder")
}
END {
    for (key in used) {
        if (key in included) continue
        split(key, part, SUBSEP)
        print part[1] " does not include <" part[2] ">, of " used[key]
        failed = 1
    }
    exit failed
}' {} +
