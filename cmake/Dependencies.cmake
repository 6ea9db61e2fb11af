# The libraries of skipzoo_tools, all from the system's packages, except where a
# project around this one has its own.

# A project that links skipzoo::tools links these, which it must be able to see.
set(skipzoo_targets_global ${CMAKE_FIND_PACKAGE_TARGETS_GLOBAL})
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)
foreach(package spdlog yaml-cpp nlohmann_json)
  if(NOT TARGET ${package}::${package})
    find_package(${package} REQUIRED)
  endif()
endforeach()
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
# Fetches published weights by their names; without it they are laid in by hand.
# -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON builds so where it is there.
find_package(CURL QUIET)
set(SKIPZOO_CURL "")
if(TARGET CURL::libcurl)
  set(SKIPZOO_CURL CURL::libcurl)
  message(STATUS "libcurl ${CURL_VERSION_STRING}: published weights can be fetched")
else()
  message(STATUS "no libcurl: published weights cannot be fetched")
endif()

# Several processes train by PyTorch's c10d, whose code is in LibTorch. Its
# headers ask for Gloo's, and those for CUDA for NCCL's.
find_path(SKIPZOO_GLOO_INCLUDE_DIR gloo/config.h)
set(SKIPZOO_C10D "")
if(SKIPZOO_GLOO_INCLUDE_DIR)
  set(SKIPZOO_C10D SKIPZOO_GLOO USE_DISTRIBUTED USE_C10D_GLOO)
  message(STATUS "Gloo's headers: several processes can train")
else()
  message(STATUS "no headers of Gloo (libgloo-dev): one process trains")
endif()
set(SKIPZOO_C10D_INCLUDE_DIRS "${SKIPZOO_GLOO_INCLUDE_DIR}")
if(SKIPZOO_GLOO_INCLUDE_DIR AND SKIPZOO_TORCH_CUDA)
  skipzoo_cuda_headers(skipzoo_nccl skipzoo_nccl_lacks
    nccl.h cuda_runtime.h cublas_v2.h cusparse.h crt/host_config.h)
  list(APPEND SKIPZOO_C10D_INCLUDE_DIRS ${skipzoo_nccl})
  if(skipzoo_nccl_lacks)
    message(STATUS "no NCCL, for lack of ${skipzoo_nccl_lacks}: several processes train on the CPU")
  else()
    list(APPEND SKIPZOO_C10D SKIPZOO_NCCL USE_C10D_NCCL)
    message(STATUS "NCCL's headers: several GPUs can train")
  endif()
endif()
list(REMOVE_DUPLICATES SKIPZOO_C10D_INCLUDE_DIRS)
list(REMOVE_ITEM SKIPZOO_C10D_INCLUDE_DIRS ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})

# What reads pictures. WebP, TIFF and GIF are read where their libraries are,
# else refused (SKIPZOO_WEBP, SKIPZOO_TIFF, SKIPZOO_GIF in the code). An installed
# skipzoo asks for those it was built with: skipzoo_pictures_asked.
set(SKIPZOO_PICTURES "")
add_library(skipzoo_pictures INTERFACE)
add_library(skipzoo::pictures ALIAS skipzoo_pictures)
target_link_libraries(skipzoo_pictures INTERFACE JPEG::JPEG PNG::PNG)
include("${CMAKE_CURRENT_LIST_DIR}/WebP.cmake")
foreach(skipzoo_kind TIFF GIF)
  if(NOT TARGET ${skipzoo_kind}::${skipzoo_kind})
    find_package(${skipzoo_kind} QUIET)
  endif()
endforeach()
foreach(skipzoo_library skipzoo_webp TIFF::TIFF GIF::GIF)
  string(REGEX REPLACE "skipzoo_|::.*" "" skipzoo_kind ${skipzoo_library})
  string(TOUPPER ${skipzoo_kind} skipzoo_kind)
  if(DEFINED skipzoo_pictures_asked AND NOT skipzoo_kind IN_LIST skipzoo_pictures_asked)
    continue()
  endif()
  if(TARGET ${skipzoo_library})
    list(APPEND SKIPZOO_PICTURES ${skipzoo_kind})
    target_link_libraries(skipzoo_pictures INTERFACE ${skipzoo_library})
    target_compile_definitions(skipzoo_pictures INTERFACE SKIPZOO_${skipzoo_kind})
  elseif(DEFINED skipzoo_pictures_asked)
    message(FATAL_ERROR "This skipzoo was built to read ${skipzoo_kind}, whose library is not here")
  else()
    message(STATUS "No library for ${skipzoo_kind}: such pictures will be refused")
  endif()
endforeach()

if(NOT TARGET yaml-cpp::yaml-cpp)  # yaml-cpp before 0.8
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# LibTorch's include folder carries an fmt of its own, which a spdlog built on
# the system's fmt must not see. A folder that holds nothing but a link to the
# system's fmt goes first on the include path.
add_library(skipzoo_log INTERFACE)
add_library(skipzoo::log ALIAS skipzoo_log)
target_link_libraries(skipzoo_log INTERFACE spdlog::spdlog)
get_target_property(spdlog_definitions spdlog::spdlog INTERFACE_COMPILE_DEFINITIONS)
set(fmt_imported ON)
if(TARGET fmt::fmt)
  get_target_property(fmt_imported fmt::fmt IMPORTED)
endif()
if(NOT fmt_imported)  # Of the project around this one.
  target_include_directories(skipzoo_log BEFORE INTERFACE
    $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)
elseif("SPDLOG_FMT_EXTERNAL" IN_LIST spdlog_definitions)
  find_package(fmt REQUIRED)
  # Not by CMAKE_PREFIX_PATH first: that is where many name LibTorch.
  find_path(SKIPZOO_FMT_INCLUDE_DIR fmt/core.h NO_DEFAULT_PATH
    PATHS "${fmt_DIR}/../../../include" "${fmt_DIR}/../../../../include")
  find_path(SKIPZOO_FMT_INCLUDE_DIR fmt/core.h NO_CMAKE_PATH NO_CMAKE_ENVIRONMENT_PATH)
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/fmt_first")
  file(CREATE_LINK "${SKIPZOO_FMT_INCLUDE_DIR}/fmt" "${PROJECT_BINARY_DIR}/fmt_first/fmt" SYMBOLIC)
  target_include_directories(skipzoo_log BEFORE INTERFACE "${PROJECT_BINARY_DIR}/fmt_first")
endif()
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ${skipzoo_targets_global})
