# Fails when an object file that is compiled for a newer instruction set defines a weak symbol. The linker keeps one copy of
# an inline function for the whole program; if it kept this one, older machines would stop at an illegal instruction.
#   cmake -DNM=... -DOBJECTS=a.o;b.o -P isa_symbols_test.cmake
list(FILTER OBJECTS INCLUDE REGEX "_(avx2|avx512|neon)\\.cpp")
if(NOT OBJECTS)
  message(FATAL_ERROR "no object file of a vector instruction set was given")
endif()
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} --demangle --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
  list(FILTER weak EXCLUDE REGEX "DW\\.ref\\.__gxx_personality_v0")
  if(weak)
    list(JOIN weak "\n" listed)
    message(FATAL_ERROR "${object} defines symbols that other files may share:\n${listed}")
  endif()
endforeach()
