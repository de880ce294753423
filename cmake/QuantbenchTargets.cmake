# Functions that turn a folder into targets, so that adding a file never edits a CMake file.

# quantbench_precompile(TARGETS...): headers that nearly all sources use, unless there is a compiler cache, which does not know what a
# precompiled header holds. Sources include what they use all the same. Large libraries of headers (JSON, Google Mock) are left out:
# loading them costs every source that does not use them more than it saves for those that do.
function(quantbench_precompile)
  if(QUANTBENCH_PRECOMPILED_HEADERS AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    foreach(target IN LISTS ARGN)
      target_precompile_headers(${target} PRIVATE <algorithm> <chrono> <filesystem> <functional> <map> <optional> <set> <span> <string>
                                <vector> <fmt/format.h>)
    endforeach()
  endif()
endfunction()

# quantbench_library(NAME [DEPENDS ...] [SOURCES ...] [EXCLUDE patterns ...] [LITTLE_COMPUTING patterns ...]): all *.cpp below the
# current folder except tests, benchmarks, fuzz entries and main.cpp. The objects travel with the interface target NAME to whatever
# links it: entries that register themselves are never dropped by the linker, as they would be from a static library.
# LITTLE_COMPUTING: sources of words, files and tables; they are compiled with -O1, which takes a third less time, as
# NAME_little_computing_objects.
function(quantbench_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES;EXCLUDE;LITTLE_COMPUTING" ${ARGN})
  if(ARG_SOURCES)
    set(sources ${ARG_SOURCES})
  else()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cpp$|/main\\.cpp$|/testing/")
    foreach(pattern IN LISTS ARG_EXCLUDE)
      list(FILTER sources EXCLUDE REGEX ${pattern})
    endforeach()
  endif()
  foreach(pattern IN LISTS ARG_LITTLE_COMPUTING)
    set(found ${sources})
    list(FILTER found INCLUDE REGEX ${pattern})
    list(APPEND little_computing ${found})
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()

  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE quantbench_compiler ${ARG_DEPENDS})
  add_library(${name}_objects OBJECT ${sources})
  set(objects ${name}_objects)
  if(little_computing)
    add_library(${name}_little_computing_objects OBJECT ${little_computing})
    target_compile_options(${name}_little_computing_objects PRIVATE $<$<CONFIG:Release>:-O1>)
    list(APPEND objects ${name}_little_computing_objects)
  endif()
  foreach(target IN LISTS objects)
    target_link_libraries(${target} PUBLIC quantbench_compiler ${ARG_DEPENDS})
    target_sources(${name} INTERFACE $<TARGET_OBJECTS:${target}>)
  endforeach()
endfunction()

function(quantbench_test_isa_symbols name sources)
  if(QUANTBENCH_TESTS AND sources)
    add_test(NAME ${name}_isa_symbols
             COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} "-DOBJECTS=$<TARGET_OBJECTS:${name}_objects>"
                     -P ${PROJECT_SOURCE_DIR}/cmake/isa_symbols_test.cmake)
  endif()
endfunction()

# quantbench_vector_sources(OUT NAME): gives x_avx2.cpp, x_avx512.cpp and x_neon.cpp below the current folder the flags of their
# instruction set, and registers a test that they define nothing that other objects could share with the library NAME. OUT becomes
# the pattern of the sources to leave out: those of other processors.
function(quantbench_vector_sources out name)
  file(GLOB_RECURSE neon_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_neon.cpp)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set_source_files_properties(${neon_sources} PROPERTIES COMPILE_OPTIONS "-march=armv8.2-a+dotprod")
    quantbench_test_isa_symbols(${name} "${neon_sources}")
    set(${out} "_avx(2|512)\\.cpp$" PARENT_SCOPE)
    return()
  elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(${out} "_(avx2|avx512|neon)\\.cpp$" PARENT_SCOPE)
    return()
  endif()
  file(GLOB_RECURSE avx2_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_avx2.cpp)
  file(GLOB_RECURSE avx512_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_avx512.cpp)
  set_source_files_properties(${avx2_sources} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
  # GCC 12 takes the deliberately undefined registers of its own AVX-512 header for mistakes (GCC bug 105593).
  set_source_files_properties(${avx512_sources} PROPERTIES COMPILE_OPTIONS
    "-mavx2;-mfma;-mf16c;-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-Wno-uninitialized;-Wno-maybe-uninitialized")
  set(byte_sources ${avx512_sources})
  list(FILTER byte_sources INCLUDE REGEX "/(int8|unit)_[a-z0-9_]*_avx512\\.cpp$")
  set_property(SOURCE ${byte_sources} APPEND PROPERTY COMPILE_OPTIONS "-mavx512vnni;-mavx512vbmi")
  set(bf16_sources ${avx512_sources})
  list(FILTER bf16_sources INCLUDE REGEX "bf16_[a-z_]*avx512\\.cpp$")
  set_property(SOURCE ${bf16_sources} APPEND PROPERTY COMPILE_OPTIONS "-mavx512bf16")
  quantbench_test_isa_symbols(${name} "${avx2_sources}")
  set(${out} "_neon\\.cpp$" PARENT_SCOPE)
endfunction()

# quantbench_tests(NAME DEPENDS ... [EXCLUDE ...]): one test program NAME_test from all *_test.cpp below the current folder; each test is
# registered with CTest. Tests whose name contains "Slow" carry the label `slow` and are left out of the default run. Threads that wait
# sleep: tests run side by side, each with several threads. The time goes into the code under test, so the tests are compiled with -O1.
function(quantbench_tests name)
  if(NOT QUANTBENCH_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "DEPENDS;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources} ${PROJECT_SOURCE_DIR}/core/testing/test_main.cpp)
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest)
  quantbench_precompile(${name}_test)
  target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
  # QUANTBENCH_SHARED: reference files that are not part of the project; tests that need them skip where they are absent.
  target_compile_definitions(${name}_test PRIVATE QUANTBENCH_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             QUANTBENCH_SHARED="${PROJECT_SOURCE_DIR}/../shared")
  include(GoogleTest)
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST
                       TEST_FILTER "-*Slow*" PROPERTIES TIMEOUT 600 ENVIRONMENT OMP_WAIT_POLICY=passive)
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST
                       TEST_FILTER "*Slow*" TEST_LIST ${name}_slow
                       PROPERTIES TIMEOUT 1800 LABELS slow ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()

# quantbench_isa_tests(NAME FILTER): NAME_test again, as on machines that have nothing newer than AVX2, or no vectors at all. The
# default run has the tests that the Google Test filter lets through (label `isa`), the slow one all (labels `isa` and `slow`).
function(quantbench_isa_tests name filter)
  if(NOT TARGET ${name}_test)
    return()
  endif()
  foreach(isa scalar avx2)
    set(command ${name}_test --isa=${isa} --gtest_brief=1)
    add_test(NAME ${name}_${isa} COMMAND ${command} "--gtest_filter=${filter}")
    add_test(NAME ${name}_${isa}_all COMMAND ${command} "--gtest_filter=-*Slow*")
    set_tests_properties(${name}_${isa} PROPERTIES TIMEOUT 600 LABELS isa)
    set_tests_properties(${name}_${isa}_all PROPERTIES TIMEOUT 3600 LABELS "isa;slow")
    # What the test program returns when the machine cannot run the instruction set.
    set_tests_properties(${name}_${isa} ${name}_${isa}_all PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT OMP_WAIT_POLICY=passive)
  endforeach()
endfunction()

# quantbench_fuzz_targets(DEPENDS ...): one libFuzzer program per *_fuzz.cpp, when QUANTBENCH_FUZZ is on.
function(quantbench_fuzz_targets)
  if(NOT QUANTBENCH_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_fuzz.cpp)
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
endfunction()
