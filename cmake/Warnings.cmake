# Warnings for our own targets; headers of others come in as SYSTEM.
add_library(skipzoo_warnings INTERFACE)
add_library(skipzoo::warnings ALIAS skipzoo_warnings)
target_compile_options(skipzoo_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Said of others' code that is inlined into ours, and wrongly: g++ 12 takes
  # the memcpy of its own "text" + string for one that overflows (GCC's bug
  # 105651); newer ones see std::vector<bool>::reserve, in LibTorch's autograd,
  # copy past the one word that there is.
  target_compile_options(skipzoo_warnings INTERFACE -Wno-array-bounds -Wno-stringop-overflow)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(skipzoo_warnings INTERFACE -Wno-restrict)
  endif()
endif()
