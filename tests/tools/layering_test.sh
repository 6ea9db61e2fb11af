#!/bin/sh
# layering_test.sh CHECKOUT: which room of tools/, and of models/kernels/, may
# include which. A room that is not in a table is an error too, so that a new
# one finds its place.
failed=0
kernels='
cuda:       cuda
simd:       simd
blocking:   blocking simd
algorithms: algorithms blocking simd
ops:        ops algorithms blocking cuda simd'
tools='
data:    data
weights: weights
report:  report
train:   train data report weights
distribute: distribute train
config:  config data train weights
export:  data export train weights
run:     config data export run train weights
plan:    plan config data run train weights
study:   study config data report train weights
cli:     cli config data distribute export plan report run study train weights'
# check FOLDER TABLE: what its rooms include against the table. What
# stands beside the rooms is for all of them, and knows none.
check() {
  folder=$1 table=$2
  for room in . */; do
    room=${room%/}
    if [ "$room" = . ]; then
      allowed=
      files=$(find . -maxdepth 1 -name '*.h' -o -maxdepth 1 -name '*.cpp')
    else
      files=$(find "$room" -name '*.h' -o -name '*.cpp')
      line=$(echo "$table" | grep "^$room:") || {
        echo "$folder/$room is not in the table of $0"
        failed=1
      }
      allowed=${line#*:}
    fi
    for seen in $(sed -n "s|^#include \"$folder/\([a-z_]*\)/.*|\1|p" $files |
      sort -u); do
      case " $allowed " in
        *" $seen "*) ;;
        *)
          echo "$folder/$room includes $folder/$seen:"
          grep -n "#include \"$folder/$seen/" $files
          failed=1
          ;;
      esac
    done
  done
}
cd "$1/tools" || exit 2
check tools "$tools"
cd "$1/models/kernels" || exit 2
check models/kernels "$kernels"
exit $failed
