# Compiler settings of every target, as the interface target `quantbench_compiler`.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(quantbench_compiler INTERFACE)
target_include_directories(quantbench_compiler INTERFACE ${PROJECT_SOURCE_DIR})
# Contraction is off so that an expression gives the same bits whatever the instruction set; kernels that want fused
# multiply-adds ask for them by name. Functions that pass vectors by value never leave their translation unit, so how the
# calling convention treats them (psabi) does not matter.
target_compile_options(quantbench_compiler INTERFACE -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                                     -Wno-sign-conversion -Wno-psabi)
if(QUANTBENCH_WERROR)
  target_compile_options(quantbench_compiler INTERFACE -Werror)
endif()
if(QUANTBENCH_SANITIZE)
  target_compile_options(quantbench_compiler INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                                       -fno-omit-frame-pointer)
  target_link_options(quantbench_compiler INTERFACE -fsanitize=address,undefined)
endif()
if(QUANTBENCH_COVERAGE)
  target_compile_options(quantbench_compiler INTERFACE --coverage -O1)
  target_link_options(quantbench_compiler INTERFACE --coverage)
endif()
if(QUANTBENCH_FUZZ)
  target_compile_options(quantbench_compiler INTERFACE -fsanitize=fuzzer-no-link)
endif()
