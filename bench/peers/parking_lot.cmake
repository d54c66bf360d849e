# SPDX-License-Identifier: BSD-2-Clause
# BENCH_PARKING_LOT_LIBRARY: the static library of parking_lot/lib.rs, built by cargo
# from the crates of Debian's librust-*-dev packages, without a network. Empty if that
# is not possible; BENCH_PARKING_LOT_WHY then says what is missing.

set(BENCH_CRATES "/usr/share/cargo/registry" CACHE PATH "Folder of the packaged crates")
mark_as_advanced(BENCH_CRATES)
find_program(BENCH_CARGO cargo)
find_program(BENCH_RUSTC rustc)
mark_as_advanced(BENCH_CARGO BENCH_RUSTC)
set(BENCH_PARKING_LOT_LIBRARY "")
set(BENCH_PARKING_LOT_WHY "")

file(GLOB crate "${BENCH_CRATES}/parking_lot-0.12*")
if(NOT BENCH_CARGO OR NOT BENCH_RUSTC)
  set(BENCH_PARKING_LOT_WHY "cargo, rustc")
  return()
elseif(NOT crate)
  set(BENCH_PARKING_LOT_WHY "librust-parking-lot-dev")
  return()
endif()

# In a copy, because cargo writes a lock file beside the manifest.
set(folder "${CMAKE_CURRENT_BINARY_DIR}/parking_lot")
configure_file(parking_lot/Cargo.toml "${folder}/Cargo.toml" COPYONLY)
configure_file(parking_lot/lib.rs "${folder}/lib.rs" COPYONLY)
file(
  CONFIGURE
  OUTPUT "${folder}/.cargo/config.toml"
  CONTENT
    "[source.crates-io]\nreplace-with = \"packaged\"\n[source.packaged]\ndirectory = \"@BENCH_CRATES@\"\n"
  @ONLY)
execute_process(
  COMMAND
    "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${folder}/target" --unset=RUSTFLAGS
    "${BENCH_CARGO}" build --quiet --offline --release
  WORKING_DIRECTORY "${folder}"
  RESULT_VARIABLE status
  OUTPUT_FILE "${folder}/build.log"
  ERROR_FILE "${folder}/build.log"
  TIMEOUT 300)
set(library "${folder}/target/release/libbench_parking_lot.a")
if(status EQUAL 0 AND EXISTS "${library}")
  set(BENCH_PARKING_LOT_LIBRARY "${library}")
else()
  set(BENCH_PARKING_LOT_WHY "does not build, see ${folder}/build.log")
endif()
