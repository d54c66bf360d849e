# SPDX-License-Identifier: BSD-2-Clause
# Faults of earlier versions of the locks of AIX, of the mutex of EVL, and of promotion.

foreach(name IN ITEMS drw offer order signals sleep spin upgrade)
  ksl_test(NAME regress_aix_${name}_test SOURCES regress_aix_${name}_test.c INTERNAL NATIVE aix)
endforeach()
ksl_test(NAME regress_aix_destroy_test SOURCES regress_aix_destroy_test.c INTERNAL NATIVE evl)
