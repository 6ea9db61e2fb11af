# add_simd_loops(TARGET): the files of models/kernels/simd/, of which each
# loops_NAME.cpp is compiled with the flags of its instruction set, where the
# compiler has those; loops.cpp is told which there are.
include(CheckCXXCompilerFlag)

function(add_simd_loops target)
  set(folder ${PROJECT_SOURCE_DIR}/models/kernels/simd)
  set(files gemm.cpp loops.cpp processor.cpp loops_plain.cpp)
  set(names "")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    add_simd_file(AVX2 avx2 "-mavx2 -mfma")
    add_simd_file(AVX512 avx512 "-mavx2 -mfma -mavx512f")
    add_simd_file(AVX512_BF16 avx512_bf16
      "-mavx2 -mfma -mavx512f -mavx512bw -mavx512vl -mavx512bf16")
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    add_simd_file(NEON neon "")
  endif()
  list(TRANSFORM files PREPEND ${folder}/)
  target_sources(${target} PRIVATE ${files})
  # -O3 vectorises loops whole.  Where a loop of a few instructions begins within
  # a line of the cache is worth 10 to 25 % of it, and would else be decided by
  # what happens to be linked before.
  set_source_files_properties(${files} PROPERTIES
    SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
  set_property(SOURCE ${files} APPEND PROPERTY COMPILE_OPTIONS -O3 -falign-functions=64 -falign-loops=32)
  set_property(SOURCE ${folder}/loops.cpp PROPERTY COMPILE_DEFINITIONS ${names})
endfunction()

# To the caller's `files` and `names`, where the compiler takes the flags.
macro(add_simd_file name file flags)
  check_cxx_compiler_flag("${flags}" SKIPZOO_COMPILES_${name})
  if(SKIPZOO_COMPILES_${name})
    list(APPEND files loops_${file}.cpp)
    list(APPEND names SKIPZOO_LOOPS_${name})
    separate_arguments(options UNIX_COMMAND "${flags}")
    # GCC 12 warns of its own intrinsics.
    set_property(SOURCE ${folder}/loops_${file}.cpp PROPERTY
      COMPILE_OPTIONS ${options}
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  else()
    message(WARNING "${CMAKE_CXX_COMPILER} does not take ${flags}: processors "
      "that have these instructions run slower loops")
  endif()
endmacro()
