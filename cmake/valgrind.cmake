# SPDX-License-Identifier: BSD-2-Clause
# KSLOCK_VALGRIND: programs run under a tool of valgrind, which is slow and lets one
# thread run at a time. The preset runs the tests with the label valgrind: all programs
# that were built here but those below.

if(KSLOCK_VALGRIND)
  if(NOT KSLOCK_VALGRIND MATCHES "^(helgrind|memcheck)$")
    message(FATAL_ERROR "KSLOCK_VALGRIND is '${KSLOCK_VALGRIND}'; it must be helgrind or memcheck")
  endif()
  find_program(KSLOCK_VALGRIND_PROGRAM valgrind REQUIRED)
  mark_as_advanced(KSLOCK_VALGRIND_PROGRAM)
  # Check's limits of a case, as those of ctest, are four times as long; also those that
  # the tests set themselves.
  set(KSLOCK_TEST_LAUNCHER
      "${CMAKE_COMMAND}" -E env CK_TIMEOUT_MULTIPLIER=4 CK_DEFAULT_TIMEOUT=90
      "${KSLOCK_VALGRIND_PROGRAM}" --tool=${KSLOCK_VALGRIND} --quiet --error-exitcode=9
      --fair-sched=yes "--suppressions=${PROJECT_SOURCE_DIR}/cmake/${KSLOCK_VALGRIND}.supp")
  if(KSLOCK_VALGRIND STREQUAL "helgrind")
    list(APPEND KSLOCK_TEST_LAUNCHER --history-level=none)
  endif()
endif()

set(KSL_NOT_VALGRIND
    # Chance and endurance: nothing is left of them with one thread at a time.
    "torture.*|busted_.*|.*_stress_test|.*_long|resource_crowd_test|reclaim_test|park_test"
    "irq_wake_self_test|signal_attach_test|fuzz_.*|example\\..*"
    # They look at their own process, at the loader, or at what a child of exec prints.
    "every_instruction.*|dlclose_test|resource_loader_test|freebsd_regress_.*|exit_test"
    "freebsd_sysinit_test|diag_.*|spin_test|aix_rt_test|noalloc_test|violation_test"
    "violation_loader_test|last_words_test"
    # Valgrind cannot take system calls, memory or signals away from a program.
    "resource_refused_.*|resource_life_.*|resource_rare_evl_test|.*_sandbox.*|regress_record_test"
    # Forks from several threads at once under a scheduler with one lock.
    ".*fork.*")

# The labels of the test NAME of a program, to which `valgrind` is added, and the tool that
# it runs under in this build.
function(ksl_valgrind_label name labels)
  foreach(pattern IN LISTS KSL_NOT_VALGRIND)
    if(name MATCHES "^(${pattern})$")
      return()
    endif()
  endforeach()
  set(${labels} ${${labels}} valgrind ${KSLOCK_VALGRIND} PARENT_SCOPE)
endfunction()
