# SPDX-License-Identifier: BSL-1.0
# Tests that a wrong program is rejected with the right words, layer by layer. Each file says in comments what must
# happen:
#
#     // misuse: WHAT                    the name of its row in the table; several files may speak for one row
#     // correct: WHAT                   or, of a program that nothing may object to
#     // expect-error: REGEX             every compiler reports an error whose text matches
#     // expect-warning: REGEX           likewise
#     // expect-clean                    no diagnostics
#     // expect-consumed-warning: REGEX  with -Wconsumed clang warns; also expect-consumed-clean
#     // expect-linear-error: REGEX      compiled with -O2; also expect-linear-clean
#     // expect-run-error: REGEX         built and run, it ends abnormally and prints what matches, or ends by a
#                                     signal whose name matches; also expect-run-clean
#
# All but the last can be for one compiler only: expect-gcc-error, expect-consumed-clang19-clean, with gcc, clang (both),
# clang14, clang19. All expectations must match; where a file expects nothing of a compiler it must be silent there; an
# error is expected if and only if the compiler fails. REGEX is one of CMake's.
#
# Included, this file gives gup_add_misuse_tests(FOLDER...): one test for each file and compiler.
# As a script (cmake -D SOURCE= -D COMPILER= [-D INCLUDES= -D HEADERS= -D LIBRARIES=] -P) it checks one file; with
# -D PRECOMPILE=FOLDER instead of SOURCE it precompiles the headers that make the checks quick.

cmake_minimum_required(VERSION 3.25)

set(gup_misuse_pattern "^ *// expect(-(consumed|linear|run))?(-(gcc|clang|clang14|clang19))?-(error: |warning: |clean$)(.*)$")

function(gup_add_misuse_tests)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
  set(includes "$<TARGET_PROPERTY:gup_io_uring,INTERFACE_INCLUDE_DIRECTORIES>" ${CMAKE_CURRENT_SOURCE_DIR}/support)
  foreach(compiler IN ITEMS g++ clang++-14 clang++-19)
    find_program(GUP_MISUSE_${compiler} ${compiler} DOC "Compiler of the misuse tests")
    set(headers ${CMAKE_CURRENT_BINARY_DIR}/misuse-headers/${compiler})
    if(NOT GUP_MISUSE_${compiler})
      add_test(NAME "misuse on ${compiler}" COMMAND sh -c ". $1/support/skip.sh; skip 'no ${compiler}'" sh ${CMAKE_CURRENT_SOURCE_DIR})
      set_tests_properties("misuse on ${compiler}" PROPERTIES LABELS misuse SKIP_RETURN_CODE 77)
      continue()
    endif()
    add_test(NAME "misuse/headers on ${compiler}" COMMAND ${CMAKE_COMMAND} -D PRECOMPILE=${headers}
             -D COMPILER=${GUP_MISUSE_${compiler}} -D "INCLUDES=${includes}" -P ${script})
    set_tests_properties("misuse/headers on ${compiler}" PROPERTIES LABELS misuse FIXTURES_SETUP misuse-${compiler})
    foreach(folder IN LISTS ARGN)
      file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
      foreach(source IN LISTS sources)
        cmake_path(GET source STEM name)
        set(test "${folder}/${name} on ${compiler}")
        add_test(NAME ${test} COMMAND ${CMAKE_COMMAND} -D SOURCE=${source} -D COMPILER=${GUP_MISUSE_${compiler}}
                 -D "INCLUDES=${includes}" -D HEADERS=${headers} -D LIBRARIES=-luring -P ${script})
        set_tests_properties(${test} PROPERTIES LABELS misuse FIXTURES_REQUIRED misuse-${compiler})
      endforeach()
    endforeach()
  endforeach()
endfunction()

# How COMPILER is called: sets `call`, `family` and `version` of it.
macro(gup_describe_compiler)
  set(family gcc)
  set(version gcc)
  set(caret -fno-diagnostics-show-caret)
  if(COMPILER MATCHES "clang")
    set(family clang)
    set(caret -fno-caret-diagnostics)
    string(REGEX MATCH "[0-9]+$" version "${COMPILER}")
    string(PREPEND version clang)
  endif()
  list(TRANSFORM INCLUDES PREPEND -I OUTPUT_VARIABLE directories)
  set(call ${CMAKE_COMMAND} -E env LC_ALL=C ${COMPILER} -std=c++20 -Wall -Wextra ${caret} ${directories})
endmacro()

# For a syntax check (and a run), and for the optimiser.
function(gup_precompile_headers)
  gup_describe_compiler()
  string(CONCAT text "#include \"gup/domain/io_uring.hpp\"\n#include \"gup/gup.hpp\"\n#include \"gup_test/child.hpp\"\n"
           "#include \"gup_test/pools.hpp\"\n#include <algorithm>\n")
  set(instantiate "")
  if(family STREQUAL "clang")
    set(instantiate -fpch-instantiate-templates) # once here, not in each program
  endif()
  foreach(optimise IN ITEMS O0 O2)
    file(WRITE ${PRECOMPILE}/${optimise}/all.hpp "${text}")
    set(output ${PRECOMPILE}/${optimise}/all.hpp.gch)
    execute_process(COMMAND ${call} -${optimise} ${instantiate} -x c++-header ${PRECOMPILE}/${optimise}/all.hpp -o ${output}
                    COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endfunction()

# Compiles SOURCE with more flags; sets `failed` and `output`.
macro(gup_compile optimise)
  set(precompiled "")
  if(HEADERS AND family STREQUAL "gcc")
    set(precompiled -include ${HEADERS}/${optimise}/all.hpp)
  elseif(HEADERS)
    set(precompiled -include-pch ${HEADERS}/${optimise}/all.hpp.gch)
  endif()
  execute_process(COMMAND ${call} -${optimise} ${precompiled} ${ARGN} ${SOURCE}
                  RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
endmacro()

# Holds what was said, in `output` and `failed`, against what is expected of `layer`.
macro(gup_judge layer)
  set(kinds "")
  foreach(line IN LISTS expected_${layer})
    string(REGEX MATCH "^(error: |warning: |clean)(.*)$" _ "${line}")
    list(APPEND kinds "${CMAKE_MATCH_1}")
    if(NOT line STREQUAL "clean" AND NOT output MATCHES "${CMAKE_MATCH_1}[^\n]*${CMAKE_MATCH_2}")
      string(APPEND problems "${layer}: nothing matches ${line}\n")
    endif()
  endforeach()
  if((NOT kinds OR "clean" IN_LIST kinds) AND NOT output STREQUAL "")
    string(APPEND problems "${layer}: diagnostics where none are expected\n")
  elseif("error: " IN_LIST kinds AND NOT failed)
    string(APPEND problems "${layer}: it compiles, and an error is expected\n")
  elseif(failed AND NOT "error: " IN_LIST kinds)
    string(APPEND problems "${layer}: it does not compile, and no error is expected\n")
  endif()
  string(APPEND said "${output}")
endmacro()

function(gup_check_misuse)
  gup_describe_compiler()
  set(problems "")
  set(said "")
  foreach(layer IN ITEMS default consumed linear run)
    set(expected_${layer} "")
  endforeach()
  set(expectations 0)
  file(STRINGS ${SOURCE} lines REGEX "^ *// expect")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "${gup_misuse_pattern}")
      string(APPEND problems "not an expectation: ${line}\n")
      continue()
    endif()
    math(EXPR expectations "${expectations} + 1")
    set(layer "${CMAKE_MATCH_2}")
    if(NOT layer)
      set(layer default)
    endif()
    if(NOT CMAKE_MATCH_4 OR CMAKE_MATCH_4 STREQUAL family OR CMAKE_MATCH_4 STREQUAL version)
      list(APPEND expected_${layer} "${CMAKE_MATCH_5}${CMAKE_MATCH_6}")
    endif()
  endforeach()
  if(expectations EQUAL 0)
    string(APPEND problems "it does not say what to expect\n")
  endif()

  if(expected_linear)
    if(expected_default OR expected_consumed OR expected_run)
      string(APPEND problems "a program for linear is checked in that layer only\n")
    endif()
    gup_compile(O2 -c -o /dev/null)
    gup_judge(linear)
  else()
    if(expected_run)
      gup_run_misuse()
    endif()
    if(expected_consumed AND family STREQUAL "clang")
      gup_compile(O0 -fsyntax-only -Wconsumed)
      gup_judge(consumed)
      # what the default layer would have said is the rest of it
      string(REGEX REPLACE "[^\n]*\\[-Wconsumed\\]\n" "" output "${output}")
      string(REGEX REPLACE "[0-9]+ warnings? generated\\.\n" "" output "${output}")
      gup_judge(default)
    elseif(NOT expected_run)
      gup_compile(O0 -fsyntax-only)
      gup_judge(default)
    endif()
  endif()
  if(problems)
    message(NOTICE "${problems}The compiler said:\n${said}")
    message(FATAL_ERROR "${SOURCE} on ${COMPILER}: not as it says")
  endif()
endfunction()

# Builds SOURCE, which shows what the default layer says, and runs it.
macro(gup_run_misuse)
  string(RANDOM LENGTH 12 suffix)
  set(program ${CMAKE_CURRENT_BINARY_DIR}/misuse-${suffix})
  gup_compile(O0 -o ${program} -Wl,--no-as-needed ${LIBRARIES})
  gup_judge(default)
  if(NOT failed)
    execute_process(COMMAND ${program} TIMEOUT 60 RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
    file(REMOVE ${program})
    string(APPEND said "${output}")
    foreach(line IN LISTS expected_run)
      string(REGEX REPLACE "^error: " "" wanted "${line}")
      if(line STREQUAL "clean" AND failed)
        string(APPEND problems "run: it ends with ${failed}\n")
      elseif(NOT line STREQUAL "clean" AND (NOT failed OR NOT "${output}${failed}" MATCHES "${wanted}"))
        string(APPEND problems "run: it ends with ${failed} and must fail and print ${wanted}\n")
      endif()
    endforeach()
  endif()
endmacro()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  if(PRECOMPILE)
    gup_precompile_headers()
  else()
    gup_check_misuse()
  endif()
endif()
