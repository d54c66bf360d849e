# SPDX-License-Identifier: BSD-2-Clause
# Priority promotion of AIX locks and of EVL's kernel mutexes.

ksl_test(NAME aix_promotion_test SOURCES aix_promotion_test.c NATIVE aix
         TIMEOUT 240)
ksl_test(NAME aix_promotion_chain_test SOURCES aix_promotion_chain_test.c NATIVE aix
         TIMEOUT 240)
ksl_test(NAME aix_promotion_change_test SOURCES aix_promotion_change_test.c NATIVE aix
         TIMEOUT 240)
ksl_test(NAME aix_promotion_mode_test SOURCES aix_promotion_mode_test.c NATIVE aix
         TIMEOUT 240)
ksl_test(NAME aix_promotion_model_test SOURCES aix_promotion_model_test.c NATIVE aix
         TIMEOUT 300)
ksl_test(NAME aix_promotion_evl_test SOURCES aix_promotion_evl_test.c NATIVE evl
         TIMEOUT 240)
ksl_test(NAME aix_promotion_evl_model_test SOURCES aix_promotion_evl_model_test.c NATIVE
         evl TIMEOUT 300)
ksl_test(NAME aix_rt_test SOURCES aix_rt_test.c NATIVE aix TIMEOUT 240)
