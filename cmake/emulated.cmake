# SPDX-License-Identifier: BSD-2-Clause
# Tests that say nothing under an emulator of user programs. They get the label
# not-emulated where the programs are foreign ones; the preset leaves them out.
#
# Each line: a regular expression for names, then why.
set(KSL_NOT_EMULATED)
if(CMAKE_CROSSCOMPILING)
  list(
    APPEND
    KSL_NOT_EMULATED
    # The emulator dies of an assertion of its own when a child of fork starts a thread,
    # or when a thread other than the first one forks; and its own locks stay in a child
    # as other threads held them.
    ".*fork.*|regress_stax_share_test|diag_hang_test|resource_life_.*"
    # They execute themselves, which the host cannot without the emulator's help.
    "exit_test|aix_rt_test|diag_switch_test|freebsd_sysinit_test|freebsd_regress_exit_test"
    "spin_test|trace_exit_test|stats_report_test|last_words_test"
    # The emulator has no process_vm_readv: memory that is gone is not recognised.
    "diag_dump_test|diag_symbols_test|trace_test|freebsd_regress_destroyed_test|freebsd_regress_report_test"
    # It has neither seccomp nor limits of memory.
    "regress_rw_sandbox_test|regress_rw_fallback_sandbox|regress_stax_sandbox"
    "regress_record_test|resource_refused_.*"
    # strace would show the emulator's own calls, gdb its own threads; single steps need the
    # trap flag of x86; scripts start programs without the emulator.
    "irq_strace_test|every_instruction.*|cmd\\..*|annotate.*"
    # Not of the target: models, rules of the text, compilers of the host, an installation
    # that is configured by host programs.
    "model_.*|rules\\..*|headers\\.(gcc|clang)\\..*|install"
    # Faults are found by chance, which the emulator's slowness changes.
    "busted_.*|fuzz_fault_.*")
endif()

# The labels of the test NAME, to which `not-emulated` is added if it is one of those.
function(ksl_emulation_label name labels)
  foreach(pattern IN LISTS KSL_NOT_EMULATED)
    if(name MATCHES "^(${pattern})$")
      set(${labels} ${${labels}} not-emulated PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()
