# The interface target `quantbench_cuda`: empty unless QUANTBENCH_CUDA is on. Then what links it has the CUDA runtime and cuBLAS, and
# the macro QUANTBENCH_CUDA.
add_library(quantbench_cuda INTERFACE)
if(QUANTBENCH_CUDA)
  enable_language(CUDA)
  # CMake 3.25 takes this compiler for one without C++20.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()
  find_package(CUDAToolkit REQUIRED)
  target_compile_definitions(quantbench_cuda INTERFACE QUANTBENCH_CUDA)
  target_link_libraries(quantbench_cuda INTERFACE CUDA::cudart_static CUDA::cublas)
endif()

# A kernel source is compiled in this many parts, side by side. Each reads all headers (2 s), so that more only pay on more cores.
set(quantbench_cuda_parts 8)

# Device code is compiled as the formats want it: no contraction (as -ffp-contract=off). Their constexpr functions are device code too,
# and on the device their tables are; 20091 warns that functions of the host may not read these, which none does in these sources.
function(quantbench_cuda_options target)
  target_link_libraries(${target} PRIVATE quantbench_cuda)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE --expt-relaxed-constexpr -fmad=false -diag-suppress=20091
                         "-Xcompiler=-ffp-contract=off,-Wall,-Wextra,-Wshadow,-Wconversion,-Wno-sign-conversion")
  if(QUANTBENCH_WERROR)
    target_compile_options(${target} PRIVATE --Werror=all-warnings)
  endif()
endfunction()

# quantbench_cuda_library(NAME KERNELS [HOST_SOURCES]): adds to the library NAME what only builds with CUDA have. KERNELS is compiled once
# for each part (macros QUANTBENCH_CUDA_PART, QUANTBENCH_CUDA_PARTS). The target NAME_cuda builds nothing but these.
function(quantbench_cuda_library name kernels)
  add_library(${name}_cuda_host OBJECT ${ARGN})
  target_link_libraries(${name}_cuda_host PRIVATE quantbench_compiler quantbench_cuda)
  target_compile_definitions(${name}_cuda_host PRIVATE QUANTBENCH_CUDA_PARTS=${quantbench_cuda_parts})
  set(targets ${name}_cuda_host)
  math(EXPR last "${quantbench_cuda_parts} - 1")
  foreach(part RANGE ${last})
    set(target ${name}_cuda_${part})
    add_library(${target} OBJECT ${kernels})
    quantbench_cuda_options(${target})
    target_compile_definitions(${target} PRIVATE QUANTBENCH_CUDA_PART=${part} QUANTBENCH_CUDA_PARTS=${quantbench_cuda_parts})
    list(APPEND targets ${target})
  endforeach()
  foreach(target IN LISTS targets)
    target_sources(${name} INTERFACE $<TARGET_OBJECTS:${target}>)
  endforeach()
  add_custom_target(${name}_cuda DEPENDS ${targets})
endfunction()

# quantbench_cuda_source(NAME PART SOURCE): adds to the library NAME a CUDA source that is compiled once.
function(quantbench_cuda_source name part source)
  add_library(${name}_cuda_${part} OBJECT ${source})
  quantbench_cuda_options(${name}_cuda_${part})
  target_sources(${name} INTERFACE $<TARGET_OBJECTS:${name}_cuda_${part}>)
  add_dependencies(${name}_cuda ${name}_cuda_${part})
endfunction()

# quantbench_test_cuda_tables(NAME SOURCE): a test that code for a device finds all tables there. Where it does not, the compiler says
# nothing and lets the thread stop, which can be seen in PTX.
function(quantbench_test_cuda_tables name source)
  if(NOT QUANTBENCH_TESTS)
    return()
  endif()
  add_library(${name}_cuda_tables OBJECT ${source})
  quantbench_cuda_options(${name}_cuda_tables)
  set_target_properties(${name}_cuda_tables PROPERTIES CUDA_PTX_COMPILATION ON CUDA_ARCHITECTURES 80-virtual)
  add_dependencies(${name}_cuda ${name}_cuda_tables)
  add_test(NAME ${name}_cuda_tables
           COMMAND ${CMAKE_COMMAND} -DPTX=$<TARGET_OBJECTS:${name}_cuda_tables> -P ${PROJECT_SOURCE_DIR}/cmake/cuda_tables_test.cmake)
endfunction()
