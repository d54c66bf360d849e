# SPDX-License-Identifier: BSD-2-Clause
# Cross build for 64-bit ARM; tests run under qemu's user emulation. Libraries are
# those of the foreign architecture (dpkg --add-architecture arm64), which lie
# where the loader looks for them, so the emulator needs no folder of its own.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(ENV{PKG_CONFIG_LIBDIR} "/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig")

find_program(KSLOCK_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
mark_as_advanced(KSLOCK_QEMU)
if(KSLOCK_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${KSLOCK_QEMU}")
endif()
