#!/bin/sh
# simd_on_arm_test.sh CHECKOUT: the loops of models/kernels/simd/ for 64-bit ARM,
# plain and by NEON, and their tests, in qemu. Debian has what it takes:
# apt-get install g++-aarch64-linux-gnu qemu-user googletest
set -e
cd "$1"
compiler=aarch64-linux-gnu-g++
googletest=/usr/src/googletest/googletest
for need in "$compiler" qemu-aarch64; do
  command -v "$need" > /dev/null || {
    echo "skipped: there is no $need"
    exit 77
  }
done
[ -e "$googletest/src/gtest-all.cc" ] || {
  echo "skipped: there are no sources of GoogleTest in $googletest"
  exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
compile() { # compile SOURCE OPTION...
  source=$1
  shift
  "$compiler" -std=c++20 -I. -I"$googletest/include" -I"$googletest" "$@" -c "$source" \
    -o "$folder/$(basename "$source").o"
}
simd=models/kernels/simd
for file in $simd/gemm.cpp $simd/processor.cpp $simd/loops_plain.cpp $simd/loops_neon.cpp; do
  compile $file -O2 -Wall -Wextra -Werror
done
compile $simd/loops.cpp -O2 -DSKIPZOO_LOOPS_NEON
for file in tests/simd/*.cpp; do compile "$file" -O1; done
for file in gtest-all.cc gtest_main.cc; do compile "$googletest/src/$file" -O1; done
"$compiler" -static -o "$folder/simd_test" "$folder"/*.o -lpthread 2> /dev/null
qemu-aarch64 "$folder/simd_test"
