#!/bin/sh
# Which LibTorch is taken, told in every way that people use, by folders that
# look like one from outside.
#   finds_libtorch.sh CMAKE
set -eu
cmake=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(cd -P "$(mktemp -d)" && pwd)
trap 'rm -rf "$work"' EXIT
unset LIBTORCH Torch_DIR CMAKE_PREFIX_PATH
cd "$work"

# libtorch FOLDER MINOR: one of version 2.MINOR.1.
libtorch() {
  mkdir -p "$1/lib" "$1/share/cmake/Torch" "$1/include/torch/headeronly" \
    "$1/include/torch/csrc/api/include/torch"
  touch "$1/lib/libtorch.so" "$1/lib/libtorch_cpu.so" "$1/lib/libc10.so" \
    "$1/include/torch/csrc/api/include/torch/nn.h"
  printf '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR %s\n#define TORCH_VERSION_PATCH 1\n' \
    "$2" >"$1/include/torch/headeronly/version.h"
}
A='lib torch, (1)' B=site-packages/torch
libtorch "$A" 13
libtorch "$B" 14
libtorch old 10
libtorch new 99

# configure ARGUMENT…: in the folder `build`, which may be configured already.
configure() { "$cmake" -S "$here" -B build "$@" >log 2>&1; }
# expect WORDS ARGUMENT…: it goes well and says that.
expect() {
  words=$1
  shift
  configure "$@" && grep -qF "$words" log && return
  echo "not '$words', by: $* LIBTORCH=${LIBTORCH:-} Torch_DIR=${Torch_DIR:-} CMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH:-}" && cat log && exit 1
}
takes() {
  folder=$work/$1
  shift
  expect " in $folder, CUDA OFF" "$@"
}
# refuses WORDS ARGUMENT…: it fails and says that.
refuses() {
  words=$1
  shift
  if ! configure "$@" && tr -s ' \n' '  ' <log | grep -qF "$words"; then return; fi
  echo "no error of '$words', by: $*" && cat log && exit 1
}
fresh() { rm -rf build; }

for form in "$work/$A" "$A" "$A/share/cmake" "$A/share/cmake/Torch"; do
  fresh && takes "$A" -DLIBTORCH="$form"
  fresh && takes "$A" -DTorch_DIR="$form"
  fresh && takes "$A" -DCMAKE_PREFIX_PATH="/nowhere;$form"
  fresh && (export LIBTORCH="$form" && takes "$A")
  fresh && (export Torch_DIR="$form" && takes "$A")
  fresh && (export CMAKE_PREFIX_PATH="/nowhere:$form" && takes "$A")
done
fresh && takes "$B" -DCMAKE_PREFIX_PATH="$work/site-packages"
fresh && takes "$A" -DCMAKE_PREFIX_PATH="/nowhere:$work/$A/"
fresh && (export CMAKE_PREFIX_PATH="/nowhere;$work/$A/" && takes "$A")
fresh && (export HOME="$work" LIBTORCH="~/$A" && takes "$A")
fresh && (export HOME="$work" && takes "$A" -DCMAKE_PREFIX_PATH="~/$A")
# As by a program that is no shell and has changed its folder.
fresh && (export PWD=/ LIBTORCH="$A" && takes "$A")
fresh && (export LIBTORCH="$B" && takes "$A" -DLIBTORCH="$A" && takes "$A")

# A build folder that is configured: another is taken, or refused.
fresh && takes "$A" -DLIBTORCH="$A" && takes "$A" && takes "$B" -DLIBTORCH="$B"
(export LIBTORCH="$A" && refuses "LIBTORCH asks for the LibTorch in $work/$B")
refuses "LIBTORCH asks for the LibTorch in $work/$B" -DCMAKE_PREFIX_PATH="$work/$A"
fresh && (export LIBTORCH="$A" && takes "$A")
takes "$A" && (export LIBTORCH="$B" && takes "$B") && takes "$B"
takes "$A" -DCMAKE_PREFIX_PATH="$A"
fresh && takes "$A" -DLIBTORCH="$A"
(export CMAKE_PREFIX_PATH="$work/$B" &&
  refuses "CMAKE_PREFIX_PATH for that in $work/$B" && takes "$A" -DLIBTORCH="$A" && takes "$A")
# What the environment said when it was configured still holds in another folder.
fresh && (export LIBTORCH="$A" && takes "$A" && mkdir elsewhere && cd elsewhere &&
  "$cmake" ../build >../log 2>&1) || { cat log && exit 1; }

fresh && refuses 'where there is no LibTorch' -DLIBTORCH=nowhere
fresh && refuses 'where there is no LibTorch' -DLIBTORCH="$B/nowhere/at all"
fresh && (export LIBTORCH=nowhere && refuses 'where there is no LibTorch')
fresh && refuses "asks for the LibTorch in $work/$A, Torch_DIR for that in" \
  -DLIBTORCH="$A" -DTorch_DIR="$B/share/cmake/Torch"
fresh && refuses 'is too old' -DLIBTORCH=old
fresh && expect 'newest that skipzoo was tried on' -DLIBTORCH=new
rm old/include/torch/headeronly/version.h new/lib/libc10.so
fresh && refuses 'is too old' -DLIBTORCH=old
fresh && refuses 'lib/libc10.so is missing' -DLIBTORCH=new
echo 'every way was understood'
