# Finds LibTorch and makes the target skipzoo::torch of it.
#
# Not find_package(Torch): a CUDA wheel's CMake files demand a CUDA toolkit even
# of a project without CUDA code. Headers and shared libraries are all it takes.
#
# Looked at in this order: LIBTORCH (a -D or an environment variable), Torch_DIR,
# CMAKE_PREFIX_PATH, then the torch package of python3.

set(SKIPZOO_TORCH_OLDEST 2.11)
set(SKIPZOO_TORCH_NEWEST 2.13)

set(candidates ${LIBTORCH} $ENV{LIBTORCH})
foreach(dir IN ITEMS ${Torch_DIR} $ENV{Torch_DIR})
  get_filename_component(root "${dir}/../../.." ABSOLUTE)  # share/cmake/Torch
  list(APPEND candidates "${root}")
endforeach()
find_program(SKIPZOO_PYTHON NAMES python3 python)
if(NOT candidates)  # One that was asked for is taken, or is an error.
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
    get_filename_component(above "${prefix}/../.." ABSOLUTE)  # share/cmake
    list(APPEND candidates "${prefix}" "${above}")
  endforeach()
  if(SKIPZOO_PYTHON)
    execute_process(
      COMMAND ${SKIPZOO_PYTHON} -c
        "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
      OUTPUT_VARIABLE from_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list(APPEND candidates ${from_python})
  endif()
endif()

find_path(TORCH_ROOT include/torch/csrc/api/include/torch/nn.h
  HINTS ${candidates} NO_DEFAULT_PATH)
if(NOT TORCH_ROOT)
  message(FATAL_ERROR "LibTorch was not found (looked in: ${candidates}). "
    "Pass -DLIBTORCH=/path/to/libtorch, or run: pip install torch==${SKIPZOO_TORCH_NEWEST}.0")
endif()

set(torch_version "")
foreach(part MAJOR MINOR PATCH)
  file(STRINGS "${TORCH_ROOT}/include/torch/headeronly/version.h" line
    REGEX "define TORCH_VERSION_${part} ")
  string(REGEX MATCH "[0-9]+$" number "${line}")
  list(APPEND torch_version ${number})
endforeach()
list(JOIN torch_version "." torch_version)
if(torch_version VERSION_LESS SKIPZOO_TORCH_OLDEST)
  message(FATAL_ERROR "LibTorch ${torch_version} in ${TORCH_ROOT} is too old: "
    "skipzoo needs ${SKIPZOO_TORCH_OLDEST} to ${SKIPZOO_TORCH_NEWEST}")
elseif(torch_version VERSION_GREATER_EQUAL ${SKIPZOO_TORCH_NEWEST}.99)
  message(WARNING "LibTorch ${torch_version} is newer than ${SKIPZOO_TORCH_NEWEST}, "
    "the newest that skipzoo was tried on")
endif()

# A wheel exports parts of the libstdc++ that it was built with, and a CUDA
# wheel's std::filesystem::remove_all jumps to nowhere. A symbol is taken from
# the first library that has it, so the compiler's own goes before LibTorch: by
# its file's name, for -lstdc++ may be a static one.
set(torch_libraries "")
execute_process(
  COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.so.6
  OUTPUT_VARIABLE libstdcxx OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(IS_ABSOLUTE "${libstdcxx}")
  list(APPEND torch_libraries "-Wl,--push-state,--no-as-needed,${libstdcxx},--pop-state")
endif()
foreach(name torch torch_cpu c10)
  find_library(TORCH_${name}_LIBRARY ${name} PATHS ${TORCH_ROOT}/lib NO_DEFAULT_PATH REQUIRED)
  list(APPEND torch_libraries ${TORCH_${name}_LIBRARY})
endforeach()
set(SKIPZOO_TORCH_CUDA OFF)
foreach(name torch_cuda c10_cuda)
  find_library(TORCH_${name}_LIBRARY ${name} PATHS ${TORCH_ROOT}/lib NO_DEFAULT_PATH)
  if(TORCH_${name}_LIBRARY)
    set(SKIPZOO_TORCH_CUDA ON)
    # Nothing names a symbol of these: kept, they register CUDA when loaded.
    list(APPEND torch_libraries
      "-Wl,--push-state,--no-as-needed,${TORCH_${name}_LIBRARY},--pop-state")
  endif()
endforeach()

add_library(skipzoo_torch INTERFACE)
add_library(skipzoo::torch ALIAS skipzoo_torch)
target_include_directories(skipzoo_torch SYSTEM INTERFACE
  ${TORCH_ROOT}/include ${TORCH_ROOT}/include/torch/csrc/api/include)
target_link_libraries(skipzoo_torch INTERFACE ${torch_libraries})
# A CUDA wheel's libraries point on to NVIDIA's by run paths of their own, which
# the linker does not follow.
target_link_options(skipzoo_torch INTERFACE -Wl,--allow-shlib-undefined)
if(SKIPZOO_TORCH_CUDA)
  target_compile_definitions(skipzoo_torch INTERFACE SKIPZOO_TORCH_CUDA)
endif()

# ATen's parallel_for is an inline function that is serial without OpenMP. Only
# the flag, not FindOpenMP's library: the one libgomp must be LibTorch's own.
target_compile_options(skipzoo_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
find_library(TORCH_gomp_LIBRARY NAMES gomp libgomp.so.1 PATHS ${TORCH_ROOT}/lib NO_DEFAULT_PATH)
if(TORCH_gomp_LIBRARY)
  target_link_libraries(skipzoo_torch INTERFACE ${TORCH_gomp_LIBRARY})
else()
  target_link_options(skipzoo_torch INTERFACE -fopenmp)
endif()

message(STATUS "LibTorch ${torch_version} in ${TORCH_ROOT}, CUDA ${SKIPZOO_TORCH_CUDA}")
