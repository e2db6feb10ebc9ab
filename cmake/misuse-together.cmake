# SPDX-License-Identifier: BSL-1.0
# Compiles most programs of the misuse suite together, because reading the headers and instantiating what they use takes
# far longer than the programs do.
#
#     cmake -D SOURCES= -D COMPILER= -D PREPARED=FOLDER [-D HEADERS= -D INCLUDES= -D LIBRARIES=] -P misuse-together.cmake
#
# Programs that must bring the same kinds of diagnostics are one translation unit, each in a namespace of its own; those
# that run are one executable, which is called with the name of one. FOLDER gets the HEADERS, precompiled, and for each
# program NAME.said, what the compiler said of it there, and NAME.built, if it is in the executable.
#
# misuse-test.cmake acquits a program by these, and compiles it alone if they do not do: a template that several use
# complains only once, and some text does not go into a namespace. What a program must not bring cannot stay unseen
# in the shadow of another: a unit in which all must be silent is dropped if anything is said there, one in which all
# must compile is dropped if it fails. GUP_MISUSE_ALONE=1 in the environment keeps every program alone.

cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/misuse-test.cmake)

# For a syntax check (and a run), and for the optimiser.
macro(gup_precompile_headers)
  list(TRANSFORM HEADERS REPLACE "(.+)" "#include <\\1>\n" OUTPUT_VARIABLE lines)
  list(JOIN lines "" text)
  set(instantiate "")
  if(family STREQUAL "clang")
    set(instantiate -fpch-instantiate-templates) # once here, not in each program; g++ cannot
  endif()
  foreach(optimise IN ITEMS O0 O2)
    file(WRITE ${PREPARED}/${optimise}/all.hpp "${text}")
    set(output ${PREPARED}/${optimise}/all.hpp.gch)
    execute_process(COMMAND ${call} -${optimise} ${instantiate} -x c++-header ${PREPARED}/${optimise}/all.hpp -o ${output}
                    COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endmacro()

# The kind of diagnostics that SOURCE must bring in a layer, in kind_LAYER.
macro(gup_find_kind layer)
  set(kind_${layer} clean)
  foreach(kind IN ITEMS warning error)
    if(";${expected_${layer}}" MATCHES ";(later-)?${kind}: ")
      set(kind_${layer} ${kind})
    endif()
  endforeach()
endmacro()

# Adds SOURCE to a unit: its text in a namespace, what it includes before all of them.
macro(gup_add_to_unit unit)
  list(APPEND units ${unit})
  list(APPEND ${unit}_names ${name})
  list(LENGTH ${unit}_names number)
  string(APPEND ${unit}_includes "${includes}")
  string(APPEND ${unit}_text "#line 1 \"${SOURCE}\"\nnamespace program_${number} { ${text}\n}\n")
  string(APPEND ${unit}_calls "if (name == \"${name}\") return program_${number}::main();\n")
endmacro()

# Sorts the programs into units, whose names are in `units`.
macro(gup_sort_into_units)
  foreach(SOURCE IN LISTS SOURCES)
    gup_read_expectations()
    file(READ ${SOURCE} text)
    cmake_path(GET SOURCE PARENT_PATH folder)
    string(REGEX MATCHALL "\n#include [^\n]*" includes "${text}")
    string(REGEX REPLACE "\n#include [^\n]*" "\n" text "${text}")
    list(JOIN includes "" includes)
    string(REPLACE "\"../" "\"${folder}/../" includes "${includes}")
    if(problems OR expected_linear OR text MATCHES "\n *#")
      continue()
    endif()
    gup_find_kind(default)
    gup_find_kind(consumed)
    if(expected_run AND kind_default STREQUAL "clean")
      gup_add_to_unit(programs)
    endif()
    # A name that is declared in the suite's headers may mean something else where they are not included.
    set(unit ${kind_default})
    if(includes MATCHES "/\\.\\./")
      string(APPEND unit _suite)
    endif()
    if(expected_consumed AND kind_default STREQUAL "clean")
      gup_add_to_unit(${unit}_consumed_${kind_consumed})
    elseif(NOT expected_consumed AND NOT expected_run)
      gup_add_to_unit(${unit})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES units)
endmacro()

# Tells the diagnostics of a unit's programs apart. An error or a warning is the lines before it since the last message,
# the message, and its notes. It is said of the program whose file is named there, if that is only one.
set(gup_tell_apart [=[
    function finish(    name, program, programs) {
        for (name in named) { programs++; program = name }
        if (programs == 1) { printf "%s", message >>(folder "/" program ".said"); close(folder "/" program ".said") }
        message = ""
        split("", named)
    }
    / (error|warning): / { finish() }
    {
        text = text $0 "\n"
        for (rest = $0; match(rest, /[^ ]*\.cpp:/); rest = substr(rest, RSTART + RLENGTH)) {
            count = split(substr(rest, RSTART, RLENGTH - 1), parts, "/")
            coming[parts[count - 1] "-" parts[count]]
        }
    }
    / (error|warning|note): / {
        message = message text
        text = ""
        for (name in coming) named[name]
        split("", coming)
    }
    END { finish() }
]=])

function(gup_compile_unit unit)
  set(source ${PREPARED}/${unit}.cxx) # no .cpp: it is not one of the programs
  file(WRITE ${source} "${${unit}_includes}\n${${unit}_text}")
  set(consumed "")
  if(unit MATCHES "consumed")
    set(consumed -Wconsumed)
  endif()
  gup_compile(${source} O0 -fsyntax-only ${consumed})
  file(WRITE ${PREPARED}/${unit}.log "${output}")
  if(unit MATCHES "consumed_warning")
    gup_remove_consumed()
  endif()
  if((unit MATCHES "^clean" AND NOT output STREQUAL "") OR (NOT unit MATCHES "^error" AND failed))
    return()
  endif()
  foreach(name IN LISTS ${unit}_names)
    file(WRITE ${PREPARED}/${name}.said "")
  endforeach()
  execute_process(COMMAND awk -v folder=${PREPARED} "${gup_tell_apart}" ${PREPARED}/${unit}.log
                  COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(gup_build_programs)
  set(source ${PREPARED}/programs.cxx)
  string(CONCAT text "${programs_includes}\n#include <string_view>\n${programs_text}#line 1 \"programs.cxx\"\n"
         "int main(int, char** arguments) {\nconst std::string_view name = arguments[1];\n${programs_calls}return 99;\n}\n")
  file(WRITE ${source} "${text}")
  gup_compile(${source} O0 -o ${PREPARED}/programs -Wl,--no-as-needed ${LIBRARIES})
  file(WRITE ${PREPARED}/programs.log "${output}")
  if(NOT failed AND output STREQUAL "")
    foreach(name IN LISTS programs_names)
      file(WRITE ${PREPARED}/${name}.built "")
    endforeach()
  endif()
endfunction()

gup_describe_compiler()
file(REMOVE_RECURSE ${PREPARED})
gup_precompile_headers()
if(NOT "$ENV{GUP_MISUSE_ALONE}")
  gup_sort_into_units()
  foreach(unit IN LISTS units)
    if(unit STREQUAL "programs")
      gup_build_programs()
    else()
      gup_compile_unit(${unit})
    endif()
  endforeach()
endif()
