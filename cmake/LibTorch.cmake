# Finds LibTorch and makes the target skipzoo::torch of it.
#
# Not find_package(Torch): a CUDA wheel's CMake files demand a CUDA toolkit even
# of a project without CUDA code. Headers and shared libraries are all it takes.
#
# Looked at in this order: what was typed (-DLIBTORCH, -DTorch_DIR, -DCMAKE_PREFIX_PATH);
# skipzoo_libtorch, of an installed skipzoo; the variables of the environment of
# the same three names; what this build folder was configured with; the torch
# package of python3. Each may be LibTorch's folder, its share/cmake, its
# share/cmake/Torch, or the site-packages around it.

set(SKIPZOO_TORCH_OLDEST 2.11)
set(SKIPZOO_TORCH_NEWEST 2.14)

# Makes a relative path that was typed absolute, by where it was typed, and tells
# whether one was typed just now: it has no type yet then.
function(skipzoo_typed_now result)
  set(${result} OFF PARENT_SCOPE)
  foreach(name LIBTORCH Torch_DIR)
    if(DEFINED CACHE{${name}})
      get_property(type CACHE ${name} PROPERTY TYPE)
      if(type STREQUAL "UNINITIALIZED")
        set(${result} ON PARENT_SCOPE)
      endif()
      set(${name} "" CACHE PATH "Folder of LibTorch, or of its CMake files")
    endif()
  endforeach()
endfunction()

# The LibTorch in or around the first of the paths that has one; else nothing.
function(skipzoo_libtorch_of result)
  set(${result} "" PARENT_SCOPE)
  file(REAL_PATH /proc/self/cwd here)  # PWD is that of a shell, if of any.
  foreach(path IN LISTS ARGN)
    string(REGEX REPLACE "^~/" "$ENV{HOME}/" path "${path}")
    get_filename_component(path "${path}" ABSOLUTE BASE_DIR "${here}")
    foreach(way . torch ../.. ../../..)
      get_filename_component(root "${path}/${way}" ABSOLUTE)
      if(EXISTS "${path}" AND EXISTS "${root}/include/torch/csrc/api/include/torch/nn.h")
        set(${result} "${root}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

# Takes the LibTorch at `paths`, which `name` asks for. To stop is right where
# there is none, or where another was asked for too.
macro(skipzoo_take name paths)
  skipzoo_libtorch_of(found ${paths})
  if(NOT found AND NOT "${name}" MATCHES "CMAKE_PREFIX_PATH")
    message(FATAL_ERROR "${name} is '${paths}', where there is no LibTorch "
      "(no include/torch/csrc/api/include/torch/nn.h)")
  elseif(found)
    file(REAL_PATH "${found}" real)
    if(taken AND NOT real STREQUAL taken_real)
      message(FATAL_ERROR "${by} asks for the LibTorch in ${taken}, ${name} for that in "
        "${found}: name one of them in both, or unset one")
    endif()
    if(NOT taken)
      set(taken "${found}")
      set(taken_real "${real}")
      set(by "${name}")
    endif()
  endif()
endmacro()

function(skipzoo_find_libtorch)
  skipzoo_typed_now(typed_now)
  set(taken "")
  foreach(name LIBTORCH Torch_DIR)
    if(${name})  # Not the Torch_DIR-NOTFOUND of a find_package(Torch).
      skipzoo_take(${name} "${${name}}")
    endif()
  endforeach()
  string(REPLACE ":" ";" prefixes "${CMAKE_PREFIX_PATH}")
  skipzoo_take(CMAKE_PREFIX_PATH "${prefixes}")
  if(NOT taken AND EXISTS "${skipzoo_libtorch}")
    skipzoo_take("the installed skipzoo" "${skipzoo_libtorch}")
  endif()
  # The environment's stand back behind all these, except where they came to a
  # build folder that was configured without them: they are a wish then.
  string(JOIN "|" environment "$ENV{LIBTORCH}" "$ENV{Torch_DIR}" "$ENV{CMAKE_PREFIX_PATH}")
  set(ask_environment OFF)
  if(SKIPZOO_TORCH_ROOT)
    if(NOT typed_now AND NOT SKIPZOO_TORCH_ENVIRONMENT STREQUAL environment)
      set(ask_environment ON)
    endif()
  elseif(NOT taken)
    set(ask_environment ON)
  endif()
  if(ask_environment AND NOT "$ENV{LIBTORCH}" STREQUAL "")
    skipzoo_take("the environment's LIBTORCH" "$ENV{LIBTORCH}")
  elseif(ask_environment AND NOT "$ENV{Torch_DIR}" STREQUAL "")
    skipzoo_take("the environment's Torch_DIR" "$ENV{Torch_DIR}")
  elseif(ask_environment)
    string(REPLACE ":" ";" prefixes "$ENV{CMAKE_PREFIX_PATH}")
    skipzoo_take("the environment's CMAKE_PREFIX_PATH" "${prefixes}")
  endif()
  if(NOT taken)
    skipzoo_libtorch_of(taken ${SKIPZOO_TORCH_ROOT})
  endif()
  find_program(SKIPZOO_PYTHON NAMES python3 python)
  if(NOT taken AND SKIPZOO_PYTHON)
    execute_process(
      COMMAND ${SKIPZOO_PYTHON} -c
        "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
      OUTPUT_VARIABLE from_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    skipzoo_libtorch_of(taken "${from_python}")
  endif()
  if(NOT taken)
    message(FATAL_ERROR "LibTorch was not found in LIBTORCH, Torch_DIR, CMAKE_PREFIX_PATH or "
      "python3's packages. Pass -DLIBTORCH=/path/to/libtorch, or run: pip install torch")
  endif()
  set(SKIPZOO_TORCH_ROOT "${taken}" CACHE INTERNAL "The LibTorch of this build folder")
  set(SKIPZOO_TORCH_ENVIRONMENT "${environment}" CACHE INTERNAL "What asked for it")
endfunction()
skipzoo_find_libtorch()

set(SKIPZOO_TORCH_VERSION "")
set(skipzoo_header "${SKIPZOO_TORCH_ROOT}/include/torch/headeronly/version.h")
if(EXISTS "${skipzoo_header}")
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${skipzoo_header}" skipzoo_line REGEX "define TORCH_VERSION_${part} ")
    string(REGEX MATCH "[0-9]+$" skipzoo_number "${skipzoo_line}")
    list(APPEND SKIPZOO_TORCH_VERSION ${skipzoo_number})
  endforeach()
  list(JOIN SKIPZOO_TORCH_VERSION "." SKIPZOO_TORCH_VERSION)
endif()
if(SKIPZOO_TORCH_VERSION VERSION_LESS SKIPZOO_TORCH_OLDEST)
  message(FATAL_ERROR "LibTorch ${SKIPZOO_TORCH_VERSION} in ${SKIPZOO_TORCH_ROOT} is too old: "
    "skipzoo needs ${SKIPZOO_TORCH_OLDEST} to ${SKIPZOO_TORCH_NEWEST}")
elseif(SKIPZOO_TORCH_VERSION VERSION_GREATER_EQUAL ${SKIPZOO_TORCH_NEWEST}.99)
  message(WARNING "LibTorch ${SKIPZOO_TORCH_VERSION} is newer than ${SKIPZOO_TORCH_NEWEST}, "
    "the newest that skipzoo was tried on")
endif()

# Linked by options and not as libraries, in this order:
# - A wheel exports parts of the libstdc++ that it was built with, and a CUDA
#   wheel's std::filesystem::remove_all jumps to nowhere. A symbol is taken from
#   the first library that has it, so the compiler's own goes before LibTorch:
#   by its file's name, for -lstdc++ may be a static one.
# - Nothing names a symbol of the CUDA ones: kept, they register CUDA when loaded.
# - The one libgomp must be LibTorch's own, where it has one.
# - Its folder as a run path. CMake's own way, -Wl,-rpath,FOLDER, breaks where a
#   folder's name has a comma, and so does a library within -Wl.
separate_arguments(skipzoo_compiler UNIX_COMMAND "${CMAKE_CXX_COMPILER_ARG1}")  # "ccache g++"
list(PREPEND skipzoo_compiler "${CMAKE_CXX_COMPILER}")
execute_process(
  COMMAND ${skipzoo_compiler} -print-file-name=libstdc++.so.6
  OUTPUT_VARIABLE skipzoo_libraries OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT IS_ABSOLUTE "${skipzoo_libraries}")
  set(skipzoo_libraries "")
endif()
# Clang's own OpenMP, before GCC's that LibTorch brings: it answers for that too,
# and there is one team of threads.
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  execute_process(
    COMMAND ${skipzoo_compiler} -print-resource-dir
    OUTPUT_VARIABLE skipzoo_clang OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  find_library(SKIPZOO_LIBOMP omp HINTS "${skipzoo_clang}/../..")
  if(NOT SKIPZOO_LIBOMP)
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} has no OpenMP: Debian has it in libomp-dev")
  endif()
  list(APPEND skipzoo_libraries "${SKIPZOO_LIBOMP}")
endif()
set(skipzoo_torch_lib "${SKIPZOO_TORCH_ROOT}/lib")
set(SKIPZOO_TORCH_CUDA OFF)
foreach(name torch torch_cpu c10 torch_cuda c10_cuda)
  if(EXISTS "${skipzoo_torch_lib}/lib${name}.so")
    list(APPEND skipzoo_libraries "${skipzoo_torch_lib}/lib${name}.so")
    if(name MATCHES cuda)
      set(SKIPZOO_TORCH_CUDA ON)
    endif()
  elseif(NOT name MATCHES cuda)
    message(FATAL_ERROR "LibTorch in ${SKIPZOO_TORCH_ROOT} is not whole: lib/lib${name}.so is missing")
  endif()
endforeach()
set(skipzoo_openmp -fopenmp)
foreach(name libgomp.so libgomp.so.1)
  if(EXISTS "${skipzoo_torch_lib}/${name}")
    list(APPEND skipzoo_libraries "${skipzoo_torch_lib}/${name}")
    set(skipzoo_openmp "")
    break()
  endif()
endforeach()
set(skipzoo_link "-Xlinker --push-state -Xlinker --no-as-needed")
foreach(library IN LISTS skipzoo_libraries)
  string(APPEND skipzoo_link " -Xlinker \"${library}\"")
endforeach()
string(APPEND skipzoo_link " -Xlinker --pop-state -Xlinker -rpath -Xlinker \"${skipzoo_torch_lib}\"")

add_library(skipzoo_torch INTERFACE)
add_library(skipzoo::torch ALIAS skipzoo_torch)
target_include_directories(skipzoo_torch SYSTEM INTERFACE
  "${SKIPZOO_TORCH_ROOT}/include" "${SKIPZOO_TORCH_ROOT}/include/torch/csrc/api/include")
set_property(TARGET skipzoo_torch PROPERTY INTERFACE_LINK_DEPENDS "${skipzoo_libraries}")
# A CUDA wheel's libraries point on to NVIDIA's by run paths of their own, which
# the linker does not follow.
target_link_options(skipzoo_torch INTERFACE "SHELL:${skipzoo_link}" -Wl,--allow-shlib-undefined
  ${skipzoo_openmp})
if(SKIPZOO_TORCH_CUDA)
  target_compile_definitions(skipzoo_torch INTERFACE SKIPZOO_TORCH_CUDA)
endif()
# ATen's parallel_for is an inline function that is serial without OpenMP. Only
# the flag, not FindOpenMP's library.
target_compile_options(skipzoo_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)

message(STATUS "LibTorch ${SKIPZOO_TORCH_VERSION} in ${SKIPZOO_TORCH_ROOT}, CUDA ${SKIPZOO_TORCH_CUDA}")
