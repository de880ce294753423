# Fails when PTX has no kernel, or one in which threads are made to stop: it reads a table that is not on the device
# (core/host_device.h).
#   cmake -DPTX=file.ptx -P cuda_tables_test.cmake
file(READ ${PTX} text)
string(REGEX MATCHALL "\\.entry" kernels "${text}")
list(LENGTH kernels count)
if(count EQUAL 0)
  message(FATAL_ERROR "${PTX} has no kernel")
endif()
string(REGEX MATCHALL "\n[^\n]*trap;" traps "${text}")
list(LENGTH traps trap_count)
if(trap_count GREATER 0)
  message(FATAL_ERROR "${PTX}: ${trap_count} traps in ${count} kernels; is a table without QUANTBENCH_DEVICE_TABLE?")
endif()
message(STATUS "${count} kernels without a trap")
