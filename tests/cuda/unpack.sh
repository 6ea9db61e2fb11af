#!/bin/bash
# On the machine with the GPU: lays out what pack.sh packed, at the same places,
# with links to this machine's LibTorch. Prints what to run next.
#
#   unpack.sh [PYTHON]     PYTHON: one that has torch (python3); $ROOT: a folder to
#                          lay it out under, to see what would come (nothing runs
#                          from there)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
root=${ROOT:-}
{ read -r source; read -r build; read -r libtorch; } <<END
$(tar xzf "$here/pack.tgz" -O places)
END
for place in "$source" "$build"; do
  if [ -e "$root$place" ] && [ -z "$(find "$root$place" -maxdepth 0 -empty)" ]; then
    echo "$root$place is there already; nothing was laid out" >&2
    exit 1
  fi
  mkdir -p "$root$place"
done
tar xzf "$here/pack.tgz" -C "$root$source" --strip-components=1 source
tar xzf "$here/pack.tgz" -C "$root$build" --strip-components=1 build
there=$(LD_LIBRARY_PATH= "$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
# CUDA's own libraries lie beside it, in the same folder.
if [ ! -e "$root$libtorch" ]; then
  mkdir -p "$root$(dirname "$(dirname "$libtorch")")"
  ln -s "$(dirname "$there")" "$root$(dirname "$libtorch")"
fi
LD_LIBRARY_PATH="$root$build/libs" "$root$build/skipzoo" --version
echo "bash $root$source/tests/cuda/measure.sh $root$build RESULTS --python $python"
