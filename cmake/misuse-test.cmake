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

cmake_minimum_required(VERSION 3.25)

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

function(gup_check_misuse)
  set(caret -fno-diagnostics-show-caret)
  set(family gcc)
  if(COMPILER MATCHES "clang")
    set(caret -fno-caret-diagnostics)
    set(family clang)
  endif()
  list(TRANSFORM INCLUDES PREPEND -I)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C ${COMPILER} -std=c++20 -Wall -Wextra -fsyntax-only ${caret} ${FLAGS}
            ${INCLUDES} ${SOURCE}
    RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)

  set(problems "")
  set(expected "")
  file(STRINGS ${SOURCE} lines REGEX "^ *// expect-")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^ *// expect-((gcc|clang)-)?(error: |warning: |clean$)(.*)$")
      string(APPEND problems "not an expectation: ${line}\n")
    elseif(NOT CMAKE_MATCH_2 OR CMAKE_MATCH_2 STREQUAL family)
      set(kind "${CMAKE_MATCH_3}")
      set(text "${CMAKE_MATCH_4}")
      list(APPEND expected "${kind}")
      if(NOT kind STREQUAL "clean" AND NOT output MATCHES "${kind}[^\n]*${text}")
        string(APPEND problems "nothing matches ${kind}${text}\n")
      endif()
    endif()
  endforeach()

  if(NOT expected)
    string(APPEND problems "it does not say what to expect of ${family}\n")
  elseif("clean" IN_LIST expected AND NOT output STREQUAL "")
    string(APPEND problems "diagnostics where none are expected\n")
  elseif("error: " IN_LIST expected AND NOT failed)
    string(APPEND problems "it compiles, and an error is expected\n")
  elseif(failed AND NOT "error: " IN_LIST expected)
    string(APPEND problems "it does not compile, and no error is expected\n")
  endif()
  if(problems)
    message(NOTICE "${problems}The compiler said:\n${output}")
    message(FATAL_ERROR "${SOURCE} on ${COMPILER}: not rejected as it says")
  endif()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  gup_check_misuse()
endif()
