# SPDX-License-Identifier: BSD-2-Clause
# Conformance tests of the EVL interface.

ksl_test(NAME evl_header_test SOURCES evl_header_test.c NATIVE evl)
ksl_test(NAME evl_stage_test SOURCES evl_stage_test.c NATIVE evl)
ksl_test(NAME evl_stax_test SOURCES evl_stax_test.c NATIVE evl)
ksl_test(NAME evl_stax_wait_test SOURCES evl_stax_wait_test.c NATIVE evl)
ksl_test(NAME evl_stax_bias_test SOURCES evl_stax_bias_test.c INTERNAL NATIVE evl)
ksl_test(NAME evl_stax_bias_end_test SOURCES evl_stax_bias_end_test.c INTERNAL NATIVE evl)
ksl_test(NAME evl_ksem_test SOURCES evl_ksem_test.c NATIVE evl)
ksl_test(NAME evl_ksem_wait_test SOURCES evl_ksem_wait_test.c NATIVE evl)
ksl_test(NAME evl_ksem_context_test SOURCES evl_ksem_context_test.c NATIVE evl)
ksl_test(NAME evl_flag_test SOURCES evl_flag_test.c NATIVE evl)
ksl_test(NAME evl_thread_test SOURCES evl_thread_test.c NATIVE evl)
ksl_test(NAME evl_stress_test SOURCES evl_stress_test.c NATIVE evl TIMEOUT 240)
ksl_test(NAME evl_units_test SOURCES evl_units_test.c NATIVE evl TIMEOUT 240)
ksl_test(NAME evl_cxx_test SOURCES evl_cxx_test.cpp NATIVE evl)
