# SPDX-License-Identifier: BSL-1.0
# Tests that a wrong program is rejected with the right words. Each file says in comments what a compiler must say:
#
#     // expect-error: REGEX          every compiler reports an error whose text matches
#     // expect-gcc-error: REGEX      only g++ must;  expect-clang-error: likewise
#     // expect-warning: REGEX        likewise, also for one compiler
#     // expect-clean                 no diagnostics; also expect-gcc-clean, expect-clang-clean
#
# All expectations must match, and a file must say something about every compiler. An error is expected if and only
# if the compiler fails. REGEX is one of CMake's.
#
# Included, this file gives gup_add_misuse_tests(FOLDER [FLAGS flag...]): one test for each file of FOLDER and compiler found.
# As a script (cmake -D SOURCE= -D COMPILER= -D INCLUDES= -D FLAGS= -P) it checks one file.

function(gup_add_misuse_tests folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" FLAGS)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  set(includes "$<TARGET_PROPERTY:gup_io_uring,INTERFACE_INCLUDE_DIRECTORIES>")
  foreach(compiler IN ITEMS g++ clang++-14 clang++-19)
    find_program(GUP_MISUSE_${compiler} ${compiler} DOC "Compiler of the misuse tests")
    foreach(source IN LISTS sources)
      cmake_path(GET source STEM name)
      if(GUP_MISUSE_${compiler})
        set(test "${folder}/${name} on ${compiler}")
        add_test(NAME ${test} COMMAND ${CMAKE_COMMAND} -D SOURCE=${source} -D COMPILER=${GUP_MISUSE_${compiler}}
                 -D "INCLUDES=${includes}" -D "FLAGS=${arg_FLAGS}" -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
        set_tests_properties(${test} PROPERTIES LABELS misuse)
      endif()
    endforeach()
  endforeach()
endfunction()

# The expectations of SOURCE for one kind (error, warning, clean) that hold for `compiler` (gcc or clang).
function(gup_read_expectations kind compiler result)
  file(STRINGS ${SOURCE} lines REGEX "^ *// expect-(${compiler}-)?${kind}")
  set(found "")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^ *// expect-(${compiler}-)?${kind}:? *" "" text "${line}")
    list(APPEND found "${text}.*")
  endforeach()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

function(gup_check_misuse)
  set(caret -fno-diagnostics-show-caret)
  set(compiler gcc)
  if(COMPILER MATCHES "clang")
    set(caret -fno-caret-diagnostics)
    set(compiler clang)
  endif()
  list(TRANSFORM INCLUDES PREPEND -I)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C ${COMPILER} -std=c++20 -Wall -Wextra -fsyntax-only ${caret} ${FLAGS}
            ${INCLUDES} ${SOURCE}
    RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)

  set(problems "")
  set(expected 0)
  foreach(kind IN ITEMS error warning)
    gup_read_expectations(${kind} ${compiler} texts)
    list(LENGTH texts count_${kind})
    foreach(text IN LISTS texts)
      if(NOT output MATCHES "${kind}: [^\n]*${text}")
        string(APPEND problems "no ${kind} matches: ${text}\n")
      endif()
    endforeach()
  endforeach()
  gup_read_expectations(clean ${compiler} clean)

  if(clean AND (failed OR NOT output STREQUAL ""))
    string(APPEND problems "diagnostics where none are expected\n")
  elseif(count_error EQUAL 0 AND failed)
    string(APPEND problems "it does not compile, and no error is expected\n")
  elseif(count_error GREATER 0 AND NOT failed)
    string(APPEND problems "it compiles, and an error is expected\n")
  elseif(NOT clean AND count_error EQUAL 0 AND count_warning EQUAL 0)
    string(APPEND problems "it does not say what to expect of ${compiler}\n")
  endif()
  if(problems)
    message(FATAL_ERROR "${SOURCE} on ${COMPILER}:\n${problems}The compiler said:\n${output}")
  endif()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  gup_check_misuse()
endif()
