# SPDX-License-Identifier: BSD-2-Clause

#[[
ksl_add_native(NAME)

Declares the native interface of one kernel, whose headers lie in
include/kslock/native/NAME (installed under the same path):

  kslock::NAME         the shared library and that header folder
  kslock::NAME_static  the same with the static library
  kslock-NAME          for pkg-config

Sources src/native/NAME*.c see the header folder too. Call it from
src/CMakeLists.txt.
]]
function(ksl_add_native name)
  set(folder include/kslock/native/${name})

  foreach(suffix "" _static)
    add_library(${name}${suffix} INTERFACE)
    add_library(kslock::${name}${suffix} ALIAS ${name}${suffix})
    target_link_libraries(${name}${suffix} INTERFACE kslock::kslock${suffix})
    target_include_directories(
      ${name}${suffix}
      INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/${folder}>"
                "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/kslock/native/${name}>")
    set_property(GLOBAL APPEND PROPERTY KSL_NATIVE_TARGETS ${name}${suffix})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY KSL_NATIVES ${name})

  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/native/${name}*.c")
  if(sources)
    set_property(
      SOURCE ${sources}
      APPEND
      PROPERTY INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/${folder}")
  endif()
endfunction()
