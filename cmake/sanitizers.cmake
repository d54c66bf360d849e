# SPDX-License-Identifier: BSD-2-Clause
# Instrumentation of every target, and KSLOCK_TEST_LAUNCHER: the words that
# go before the name of a program that was built here, instrumented or foreign.

set(KSLOCK_TEST_LAUNCHER ${CMAKE_CROSSCOMPILING_EMULATOR})
set(KSLOCK_SANITIZE_LABEL) # of all tests of an instrumented build

if(KSLOCK_SANITIZE)
  if(NOT KSLOCK_SANITIZE MATCHES "^(address|undefined|address,undefined|thread)$")
    message(FATAL_ERROR "KSLOCK_SANITIZE is '${KSLOCK_SANITIZE}'; it must be "
                        "address, undefined, address,undefined or thread")
  endif()
  set(KSLOCK_SANITIZE_LABEL asan)
  if(KSLOCK_SANITIZE STREQUAL "thread")
    set(KSLOCK_SANITIZE_LABEL tsan)
    if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
      set(KSLOCK_SANITIZE_LABEL tsan-clang)
    endif()
  endif()
  set(KSLOCK_SANITIZE_FLAGS -fsanitize=${KSLOCK_SANITIZE} -fno-omit-frame-pointer)
  add_compile_options(${KSLOCK_SANITIZE_FLAGS})
  add_link_options(${KSLOCK_SANITIZE_FLAGS})
  if(KSLOCK_SANITIZE STREQUAL "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan) # "atomic_thread_fence is not supported"
  endif()

  # Sanitizers of gcc 12 and clang 14 place their shadow memory at fixed
  # addresses; kernels that randomise more than 28 bits put the program there.
  # Without randomisation they start. Containers may refuse the switch.
  find_program(KSLOCK_SETARCH setarch)
  mark_as_advanced(KSLOCK_SETARCH)
  if(KSLOCK_SETARCH)
    set(launcher "${KSLOCK_SETARCH}" ${CMAKE_HOST_SYSTEM_PROCESSOR} -R)
    execute_process(COMMAND ${launcher} true RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      set(KSLOCK_TEST_LAUNCHER ${launcher})
    endif()
  endif()
endif()

if(KSLOCK_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "KSLOCK_FUZZ needs clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
