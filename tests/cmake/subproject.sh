#!/bin/sh
# skipzoo within another project, whose names are the same here and there, in a
# folder with blanks, a comma and brackets: it configures, keeps to itself, and
# a program of that project links to LibTorch through it, by a compiler that is
# started by another program, as in CXX="ccache g++".
#   subproject.sh CMAKE CHECKOUT LIBTORCH
set -eu
cmake=$1 checkout=$2 libtorch=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LIBTORCH Torch_DIR CMAKE_PREFIX_PATH
export CXX="env ${CXX:-g++}"
top="$work/One, two (3)"
mkdir -p "$top/cmake"
ln -s "$checkout" "$top/skipzoo"
ln -s "$libtorch" "$top/lib torch"
for module in Warnings Dependencies Install LibTorch; do
  echo 'message(FATAL_ERROR "not a module of this name of ours")' >"$top/cmake/$module.cmake"
done
cat >"$top/main.cpp" <<'END'
#include <c10/core/Device.h>
int main() { return c10::Device("cpu").is_cpu() ? 0 : 1; }
END
cat >"$top/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.24)
project(top LANGUAGES CXX)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
option(CCACHE "" ON)
set(CMAKE_CXX_STANDARD 17)
set(BUILD_SHARED_LIBS ON)
foreach(name models tools models_test tools_test hostile_test torch)
  add_custom_target(${name})
endforeach()
add_library(own_fmt INTERFACE)
add_library(fmt::fmt ALIAS own_fmt)
target_include_directories(own_fmt INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/own_fmt>)
add_library(own_spdlog INTERFACE)
add_library(spdlog::spdlog ALIAS own_spdlog)
target_compile_definitions(own_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(own_spdlog INTERFACE fmt::fmt)
add_subdirectory(skipzoo)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE skipzoo::torch)
add_library(linked SHARED EXCLUDE_FROM_ALL main.cpp)
target_link_libraries(linked PRIVATE skipzoo::tools)
if(CMAKE_CXX_COMPILER_LAUNCHER OR NOT CMAKE_CXX_STANDARD EQUAL 17 OR NOT CCACHE STREQUAL "ON")
  message(FATAL_ERROR "a variable of ours was changed")
endif()
END

fail() {
  echo "$*"
  cat "$work/log"
  exit 1
}
"$cmake" -S "$top" -B "$top/build it" ${MAKE_PROGRAM:+"-DCMAKE_MAKE_PROGRAM=$MAKE_PROGRAM"} \
  -DCMAKE_BUILD_TYPE=Debug -DLIBTORCH="$top/lib torch" >"$work/log" 2>&1 ||
  fail 'it does not configure'
grep -q 'CMake Warning' "$work/log" && fail 'a warning'
[ -e "$top/build it/skipzoo/tests" ] && fail 'it has tests'
[ -e "$top/build it/skipzoo/fmt_first" ] && fail "it sees the system's fmt beside the project's own"
grep -q 'libskipzoo' "$top/build it/skipzoo/cmake_install.cmake" && fail 'it has rules of cmake --install'
"$cmake" --build "$top/build it" --target app >"$work/log" 2>&1 || fail 'app is not built'
"$top/build it/app" || fail 'app does not run'
grep -rqF 'libstdc++.so.6' "$top/build it" --include=build.ninja --include=link.txt ||
  fail "the compiler's own libstdc++ does not go before LibTorch"
echo 'it keeps to itself'
