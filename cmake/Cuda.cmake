# CUDA code of our own (models/kernels/cuda/): recorded steps, kernels that are
# compiled when the program runs. It takes headers, and neither toolkit nor GPU:
# they lie beside a CUDA wheel's libraries, but for CUDA's crt/, which is the
# compiler's: a CUDA toolkit or the wheel nvidia-cuda-crt has it. Where one is
# missing, or LibTorch is without CUDA, that code compiles away.
#
# SKIPZOO_CUDA: whether it is there, to CMake and, by skipzoo::torch, to the code.

# Sets ${result} to the folders of the headers, and ${lacks} to those without one.
function(skipzoo_cuda_headers result lacks)
  file(GLOB nvidia "${SKIPZOO_TORCH_ROOT}/../nvidia/*/include")
  set(folders "")
  set(missing "")
  foreach(header IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "SKIPZOO_FOLDER_OF_${header}" folder)
    find_path(${folder} ${header} HINTS ${nvidia}
      ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES include)
    if(${folder})
      list(APPEND folders "${${folder}}")
    else()
      list(APPEND missing ${header})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES folders)
  list(REMOVE_ITEM folders ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
  set(${result} "${folders}" PARENT_SCOPE)
  set(${lacks} "${missing}" PARENT_SCOPE)
endfunction()

# NVRTC is opened when the program runs: dlopen(), which a libc before glibc 2.34
# has in a library of its own.
target_link_libraries(skipzoo_torch INTERFACE ${CMAKE_DL_LIBS})

set(SKIPZOO_CUDA OFF)
if(SKIPZOO_TORCH_CUDA)
  skipzoo_cuda_headers(skipzoo_cuda_folders skipzoo_cuda_lacks cuda_runtime.h crt/host_config.h)
  # Of LibTorch's own release: beside a wheel, or in LibTorch's archive.
  file(GLOB skipzoo_cudart "${SKIPZOO_TORCH_ROOT}/../nvidia/*/lib/libcudart.so.*"
    "${SKIPZOO_TORCH_ROOT}/lib/libcudart*.so*")
  if(skipzoo_cudart)
    list(GET skipzoo_cudart 0 skipzoo_cudart)
  else()
    find_library(SKIPZOO_CUDART cudart HINTS ENV CUDA_HOME ENV CUDA_PATH
      PATHS /usr/local/cuda PATH_SUFFIXES lib64 lib)
    set(skipzoo_cudart "${SKIPZOO_CUDART}")
  endif()
  if(NOT skipzoo_cudart)
    list(APPEND skipzoo_cuda_lacks libcudart)
  endif()
  if(skipzoo_cuda_lacks)
    message(STATUS "on a GPU LibTorch's operators alone, for lack of ${skipzoo_cuda_lacks}")
  else()
    set(SKIPZOO_CUDA ON)
    target_compile_definitions(skipzoo_torch INTERFACE SKIPZOO_CUDA)
    target_include_directories(skipzoo_torch SYSTEM INTERFACE ${skipzoo_cuda_folders})
    get_filename_component(skipzoo_folder "${skipzoo_cudart}" DIRECTORY)
    # As LibTorch.cmake gives LibTorch's: before what needs it, so needed or not.
    target_link_options(skipzoo_torch INTERFACE
      "SHELL:-Xlinker --push-state -Xlinker --no-as-needed -Xlinker \"${skipzoo_cudart}\" -Xlinker --pop-state"
      "SHELL:-Xlinker -rpath -Xlinker \"${skipzoo_folder}\"")
    message(STATUS "CUDA's headers: recorded steps and kernels of our own on a GPU")
  endif()
endif()
