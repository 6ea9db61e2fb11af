#!/bin/bash
# Builds skipzoo and its tests against a CUDA LibTorch, on a machine that needs no
# GPU, and packs what a machine with one needs to run them.
#
#   LIBTORCH=DIR tests/cuda/pack.sh BUILD OUT
#
# DIR is the folder "torch" of a Python's CUDA wheel of the same release as on the
# other machine; BUILD a build folder, made or gone on with; OUT gets pack.tgz and
# unpack.sh. The other machine needs a Python with that torch, and the right to
# write to the folders that BUILD and this checkout have here. SKIP_BUILD=1 packs
# what is built.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1" "$2"
build=$(cd "$1" && pwd)
out=$(cd "$2" && pwd)
libtorch=$(cd "${LIBTORCH:?where the CUDA LibTorch is}" && pwd)

if [ -z "${SKIP_BUILD:-}" ]; then
  LIBTORCH=$libtorch cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release
  cmake --build "$build" --target skipzoo models_test tools_test faults
fi

pack=$(mktemp -d)
trap 'rm -rf "$pack"' EXIT
mkdir -p "$pack/build/tests" "$pack/build/libs" "$pack/source"
binaries="skipzoo tests/models_test tests/tools_test"
for file in $binaries $(cd "$build" && ls tests/libfaults.so); do
  strip -o "$pack/build/$file" "$build/$file"
done

# What they load, but for what that machine has of its own: the C library, the
# compiler's, and all that lies beside LibTorch.
beside=$(dirname "$libtorch")
for file in $binaries; do ldd "$build/$file"; done |
  sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' | sort -u |
  while read -r name path; do
    case $path in "$beside"/* | "$libtorch"/*) continue ;; esac
    case $name in
      libc.so* | libm.so* | libdl.so* | librt.so* | libpthread.so* | ld-linux* | \
        libstdc++.so* | libgcc_s.so* | libgomp* | libcuda* | libresolv.so*) continue ;;
    esac
    case $(readlink -f "$path") in "$beside"/* | "$libtorch"/*) continue ;; esac
    cp -L "$path" "$pack/build/libs/$name"
  done

# The sources: tests read configs and goldens where they were compiled.
git -C "$source" ls-files -z | tar c -C "$source" --null -T - | tar x -C "$pack/source"
printf '%s\n' "$source" "$build" "$libtorch" >"$pack/places"
tar czf "$out/pack.tgz" -C "$pack" build source places
cp "$(dirname "$0")/unpack.sh" "$out/"
du -h "$out/pack.tgz"
ls "$pack/build/libs"
