# SPDX-License-Identifier: BSD-2-Clause

include(valgrind)
pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET GLOBAL check)

# Seconds that one ctest may take unless it says otherwise.
set(KSL_TEST_TIMEOUT 120)

# Sets OUT if a test with one of these labels is left out of this build (KSLOCK_TESTS_OMIT).
function(ksl_omitted out)
  set(omitted NO)
  foreach(label IN LISTS ARGN)
    if(label IN_LIST KSLOCK_TESTS_OMIT)
      set(omitted YES)
    endif()
  endforeach()
  set(${out} ${omitted} PARENT_SCOPE)
endfunction()

# Registers a command as a ctest. A target's file is run through the launcher
# that instrumented programs need. Labels say in which builds it says something new:
# `once` in one of them, `compilers` once for each compiler, `busted` once for each parker.
function(ksl_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TARGET;TIMEOUT" "COMMAND;ARGS;LABELS")
  ksl_omitted(omitted ${arg_LABELS})
  if(omitted)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${KSL_TEST_TIMEOUT})
  endif()
  if(KSLOCK_VALGRIND OR CMAKE_CROSSCOMPILING) # some ten times slower
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 4")
  endif()
  if(arg_TARGET)
    ksl_valgrind_label(${arg_NAME} arg_LABELS)
    set(arg_COMMAND ${KSLOCK_TEST_LAUNCHER} "$<TARGET_FILE:${arg_TARGET}>" ${arg_ARGS})
  endif()
  list(APPEND arg_LABELS ${KSLOCK_SANITIZE_LABEL})
  add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND})
  # COST: what may take long begins early, so that nothing runs alone at the end.
  # Check's own limit of 4 seconds a case would make a busy machine fail;
  # this one lets Check name the case that hangs before ctest ends the program.
  math(EXPR case_timeout "${arg_TIMEOUT} * 3 / 4")
  set_tests_properties(
    ${arg_NAME} PROPERTIES TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT} LABELS "${arg_LABELS}" SKIP_RETURN_CODE 77
                           ENVIRONMENT
                           "CK_DEFAULT_TIMEOUT=${case_timeout};KSLOCK_TEST_EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}")
endfunction()

#[[
ksl_test(NAME name SOURCES file... [INTERNAL] [NATIVE kernel] [LIBS target...]
         [LABELS label...] [TIMEOUT seconds] [ARGS word...])

Builds the Check program `name` and registers it as a ctest. It links the
shared library and sees the headers of one native interface, stanix unless
NATIVE says otherwise. With INTERNAL it links the testing library instead and
sees the internal headers; KSI_TESTING is 1. Label `long` keeps it out of the
default suite. In presets that repeat what each compiler has run already, a program
is not optimised, which takes a fourth of the time to compile; then calls are not inlined
into it but in those whose names say that they look at that or at memory's order.
]]
function(ksl_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "INTERNAL" "NAME;NATIVE;TIMEOUT"
                        "SOURCES;LIBS;LABELS;ARGS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_SOURCES)
    message(FATAL_ERROR "ksl_test: NAME and SOURCES are needed; '${arg_UNPARSED_ARGUMENTS}' unknown")
  endif()
  if(NOT arg_NATIVE)
    set(arg_NATIVE stanix)
  endif()

  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE ksl_test_support ${arg_LIBS})
  if(arg_INTERNAL)
    target_link_libraries(${arg_NAME} PRIVATE kslock_testing)
    target_include_directories(
      ${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/include/kslock/native/${arg_NATIVE}")
  else()
    target_link_libraries(${arg_NAME} PRIVATE kslock::${arg_NATIVE})
  endif()
  target_link_libraries(${arg_NAME} PRIVATE PkgConfig::CHECK Threads::Threads)
  ksl_omitted(repeats compilers)
  if(repeats AND NOT arg_NAME MATCHES "inline|stress|memory|regress")
    target_compile_options(${arg_NAME} PRIVATE -O0)
  endif()

  ksl_add_test(
    NAME ${arg_NAME}
    TARGET ${arg_NAME}
    ARGS ${arg_ARGS}
    LABELS ${arg_LABELS}
    TIMEOUT ${arg_TIMEOUT})
endfunction()
