#!/bin/sh
# simd_units_test.sh CHECKOUT BUILD NM: what is compiled for one instruction set
# must not get to where another processor runs it.
# - The files loops_NAME.cpp, and all that they include, include nothing but
#   intrinsics, <cstdint> and each other: no inline function of the standard
#   library or of LibTorch is compiled with them.
# - Their objects define no weak symbol, of which the linker would keep one of
#   several: nothing there is shared with other files.
failed=0
cd "$1" || exit 2
seen= left=$(ls models/kernels/simd/loops_*.cpp)
while [ -n "$left" ]; do
  next=
  for file in $left; do
    case " $seen " in *" $file "*) continue ;; esac
    seen="$seen $file"
    others=$(grep '^ *# *include' "$file" | grep -vE \
      '<(cstdint|immintrin\.h|arm_neon\.h)>|"models/kernels/simd/') && {
      echo "$file includes what may have inline functions:"
      echo "$others"
      failed=1
    }
    next="$next $(sed -n 's|^#include "\(models/kernels/simd/.*\)"|\1|p' "$file")"
  done
  left=$(echo $next)
done
cd "$2" || exit 2  # Paths without a blank.
objects=$(find . -path '*skipzoo_models*' -name 'loops_*.o')
[ -n "$objects" ] || {
  echo "no object of models/kernels/simd/loops_*.cpp in $2"
  exit 1
}
for object in $objects; do
  weak=$("$3" -C "$object" | grep ' [WVu] ') && {
    echo "$object shares with other files:"
    echo "$weak"
    failed=1
  }
done
exit $failed
