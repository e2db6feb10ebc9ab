# SPDX-License-Identifier: BSL-1.0
# Tests that a wrong program is rejected with the right words, layer by layer. Each file says in comments what must
# happen:
#
#     // misuse: WHAT                    the name of its row in the table; several files may speak for one row
#     // correct: WHAT                   or, of a program that nothing may object to
#     // expect-error: REGEX             every compiler reports an error, and the text of the first one matches
#     // expect-later-error: REGEX       likewise, and that of any one; of a standard header that complains first
#     // expect-warning: REGEX           likewise, a warning
#     // expect-clean                    no diagnostics
#     // expect-consumed-warning: REGEX  with -Wconsumed clang warns; also expect-consumed-clean
#     // expect-linear-error: REGEX      compiled with -O2; also expect-linear-clean. -Wconsumed must be silent there
#     // expect-run-error: REGEX         built and run, it ends abnormally and prints what matches, or ends by a
#                                     signal whose name matches; also expect-run-clean
#
# All but the last can be for one compiler only: expect-gcc-error, expect-consumed-clang19-clean, with gcc, clang (both),
# clang14, clang19. All expectations must match; where a file expects nothing of a compiler it must be silent there; an
# error is expected if and only if the compiler fails. REGEX is one of CMake's.
#
# Included, this file gives gup_add_misuse_tests(FOLDER...): one test for each file and compiler.
# As a script (cmake -D SOURCE= -D COMPILER= [-D INCLUDES= -D LIBRARIES= -D PREPARED=] -P) it checks one file, with what
# misuse-together.cmake prepared in a folder.

cmake_minimum_required(VERSION 3.25)

set(gup_misuse_pattern "^ *// expect(-(consumed|linear|run))?(-(gcc|clang|clang14|clang19))?-(error: |later-error: |warning: |clean$)(.*)$")

function(gup_add_misuse_tests)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
  set(together ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/misuse-together.cmake)
  set(includes "$<TARGET_PROPERTY:gup_io_uring,INTERFACE_INCLUDE_DIRECTORIES>" ${CMAKE_CURRENT_SOURCE_DIR}/support)
  set(headers gup/domain/io_uring.hpp gup/gup.hpp gup_test/child.hpp gup_test/pools.hpp algorithm)
  list(TRANSFORM ARGN APPEND /*.cpp OUTPUT_VARIABLE files)
  file(GLOB sources CONFIGURE_DEPENDS ${files})
  foreach(compiler IN ITEMS g++ clang++-14 clang++-19)
    find_program(GUP_MISUSE_${compiler} ${compiler} DOC "Compiler of the misuse tests")
    if(NOT GUP_MISUSE_${compiler})
      add_test(NAME "misuse on ${compiler}" COMMAND sh -c ". $1/support/skip.sh; skip 'no ${compiler}'" sh ${CMAKE_CURRENT_SOURCE_DIR})
      set_tests_properties("misuse on ${compiler}" PROPERTIES LABELS misuse SKIP_RETURN_CODE 77)
      continue()
    endif()
    set(prepared ${CMAKE_CURRENT_BINARY_DIR}/misuse-prepared/${compiler})
    set(run ${CMAKE_COMMAND} -D COMPILER=${GUP_MISUSE_${compiler}} -D LIBRARIES=-luring -D PREPARED=${prepared})
    add_test(NAME "misuse/together on ${compiler}" COMMAND ${run} -D "INCLUDES=${includes}" -D "HEADERS=${headers}"
             -D "SOURCES=${sources}" -P ${together})
    set_tests_properties("misuse/together on ${compiler}" PROPERTIES LABELS misuse FIXTURES_SETUP misuse-${compiler})
    foreach(source IN LISTS sources)
      cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE name)
      cmake_path(REMOVE_EXTENSION name)
      add_test(NAME "${name} on ${compiler}" COMMAND ${run} -D "INCLUDES=${includes}" -D SOURCE=${source} -P ${script})
      set_tests_properties("${name} on ${compiler}" PROPERTIES LABELS misuse FIXTURES_REQUIRED misuse-${compiler})
    endforeach()
  endforeach()
endfunction()

# How COMPILER is called: sets `call`, `family` and `version` of it.
macro(gup_describe_compiler)
  set(family gcc)
  set(version gcc)
  set(plain -fno-diagnostics-show-caret)
  set(consumed "")
  if(COMPILER MATCHES "clang")
    set(family clang)
    set(plain -fno-caret-diagnostics -ferror-limit=0)
    set(consumed -Wconsumed)
    string(REGEX MATCH "[0-9]+$" version "${COMPILER}")
    string(PREPEND version clang)
  endif()
  list(TRANSFORM INCLUDES PREPEND -I OUTPUT_VARIABLE directories)
  set(call ${CMAKE_COMMAND} -E env LC_ALL=C ${COMPILER} -std=c++20 -Wall -Wextra ${plain} ${directories})
endmacro()

# Reads what SOURCE expects of this compiler: sets expected_LAYER for each layer, and `name` of the program.
macro(gup_read_expectations)
  string(REGEX REPLACE "^.*/([^/]*)/([^/]*)$" "\\1-\\2" name "${SOURCE}")
  set(problems "")
  foreach(layer IN ITEMS default consumed linear run)
    set(expected_${layer} "")
  endforeach()
  file(STRINGS ${SOURCE} lines REGEX "^ *// expect")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "${gup_misuse_pattern}")
      string(APPEND problems "not an expectation: ${line}\n")
      continue()
    endif()
    set(layer "${CMAKE_MATCH_2}")
    if(NOT layer)
      set(layer default)
    endif()
    if(NOT CMAKE_MATCH_4 OR CMAKE_MATCH_4 STREQUAL family OR CMAKE_MATCH_4 STREQUAL version)
      string(REPLACE ";" "\\;" expectation "${CMAKE_MATCH_5}${CMAKE_MATCH_6}")
      list(APPEND expected_${layer} "${expectation}")
    endif()
  endforeach()
  if(NOT lines)
    string(APPEND problems "it does not say what to expect\n")
  elseif(expected_linear AND (expected_default OR expected_consumed OR expected_run))
    string(APPEND problems "a program for linear is checked in that layer only\n")
  endif()
  if(family STREQUAL "gcc")
    set(expected_consumed "") # it does not have this layer
  endif()
endmacro()

# Compiles a file with more flags, and with the precompiled headers if there are any; sets `failed` and `output`.
macro(gup_compile file optimise)
  set(precompiled "")
  if(PREPARED AND family STREQUAL "gcc")
    set(precompiled -include ${PREPARED}/${optimise}/all.hpp)
  elseif(PREPARED)
    set(precompiled -include-pch ${PREPARED}/${optimise}/all.hpp.gch)
  endif()
  execute_process(COMMAND ${call} -${optimise} ${precompiled} ${ARGN} ${file}
                  RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
endmacro()

# The same of SOURCE, unless it was compiled with others: then what was said of it there is in a file.
macro(gup_compile_source)
  set(said_together ${PREPARED}/${name}.said)
  if(together AND EXISTS ${said_together})
    file(READ ${said_together} output)
    string(REGEX MATCH "error: " failed "${output}")
  else()
    gup_compile(${SOURCE} ${ARGN})
  endif()
endmacro()

# Holds what was said, in `output` and `failed`, against what is expected of `layer`.
macro(gup_judge layer)
  set(kinds "")
  foreach(line IN LISTS expected_${layer})
    string(REGEX MATCH "^(error: |later-error: |warning: |clean)(.*)$" _ "${line}")
    set(kind ${CMAKE_MATCH_1})
    set(text "${CMAKE_MATCH_2}")
    string(REPLACE "later-" "" shown "${kind}")
    list(APPEND kinds "${shown}")
    set(where "${output}")
    if(kind STREQUAL "error: " AND "${layer}" STREQUAL "default")
      string(REGEX MATCH "error: [^\n]*" where "${output}")
    endif()
    if(NOT line STREQUAL "clean" AND NOT where MATCHES "${shown}[^\n]*${text}")
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

# Checks all that SOURCE expects; sets `problems` and `said`.
macro(gup_check_layers)
  gup_read_expectations()
  set(said "")
  if(expected_linear)
    gup_compile(${SOURCE} O2 -c -o /dev/null ${consumed})
    gup_judge(linear)
    if(output MATCHES "-Wconsumed")
      string(APPEND problems "linear: -Wconsumed warns of what is linear's\n")
    endif()
  else()
    if(expected_run)
      gup_run_misuse()
    endif()
    if(expected_consumed)
      gup_compile_source(O0 -fsyntax-only ${consumed})
      gup_judge(consumed)
      # what the default layer would have said is the rest of it
      gup_remove_consumed()
      gup_judge(default)
    elseif(NOT expected_run)
      gup_compile_source(O0 -fsyntax-only)
      gup_judge(default)
    endif()
  endif()
endmacro()

macro(gup_remove_consumed)
  string(REGEX REPLACE "[^\n]*\\[-Wconsumed\\]\n" "" output "${output}")
  string(REGEX REPLACE "[0-9]+ warnings? generated\\.\n" "" output "${output}")
endmacro()

# Builds SOURCE, which shows what the default layer says, and runs it.
macro(gup_run_misuse)
  if(together AND EXISTS ${PREPARED}/${name}.built)
    gup_judge_run(${PREPARED}/programs ${name})
  else()
    string(RANDOM LENGTH 12 suffix)
    set(program ${CMAKE_CURRENT_BINARY_DIR}/misuse-${suffix})
    gup_compile(${SOURCE} O0 -o ${program} -Wl,--no-as-needed ${LIBRARIES})
    gup_judge(default)
    if(NOT failed)
      gup_judge_run(${program})
      file(REMOVE ${program})
    endif()
  endif()
endmacro()

# Runs a program and holds how it ends against what is expected.
macro(gup_judge_run)
  execute_process(COMMAND ${ARGN} TIMEOUT 60 RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(APPEND said "${output}")
  foreach(line IN LISTS expected_run)
    string(REGEX REPLACE "^error: " "" wanted "${line}")
    if(line STREQUAL "clean" AND failed)
      string(APPEND problems "run: it ends with ${failed}\n")
    elseif(NOT line STREQUAL "clean" AND (NOT failed OR NOT "${output}${failed}" MATCHES "${wanted}"))
      string(APPEND problems "run: it ends with ${failed} and must fail and print ${wanted}\n")
    endif()
  endforeach()
endmacro()

function(gup_check_misuse)
  gup_describe_compiler()
  # What was said together can only acquit it: alone it is seen what it really does.
  foreach(together IN ITEMS ON OFF)
    gup_check_layers()
    if(NOT problems)
      return()
    endif()
  endforeach()
  message(NOTICE "${problems}The compiler said:\n${said}")
  message(FATAL_ERROR "${SOURCE} on ${COMPILER}: not as it says")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  gup_check_misuse()
endif()
