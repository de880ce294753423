# The interface target `quantbench_cuda`: empty unless QUANTBENCH_CUDA is on.
add_library(quantbench_cuda INTERFACE)
if(QUANTBENCH_CUDA)
  find_package(CUDAToolkit REQUIRED)
  target_compile_definitions(quantbench_cuda INTERFACE QUANTBENCH_CUDA)
  target_link_libraries(quantbench_cuda INTERFACE CUDA::cudart_static)
endif()
