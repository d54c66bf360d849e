# SPDX-License-Identifier: BSD-2-Clause

add_compile_options(-Wall -Wextra -Wconversion -Wshadow)
if(KSLOCK_WERROR)
  add_compile_options(-Werror)
endif()

# Messages that name a source file name it relative to the project.
add_compile_options("-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
