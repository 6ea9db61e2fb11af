#!/bin/sh
# layering_test.sh CHECKOUT: which room of tools/ may include which. A room that
# is not in the table is an error too, so that a new one finds its place.
cd "$1/tools" || exit 2
table='
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
failed=0
# What stands beside the rooms is for all of them, and knows none.
rooms_seen() { sed -n 's|^#include "tools/\([a-z_]*\)/.*|\1|p' "$@" | sort -u; }
for room in . */; do
  room=${room%/}
  if [ "$room" = . ]; then
    allowed=
    files=$(ls ./*.h ./*.cpp)
  else
    files=$(find "$room" -name '*.h' -o -name '*.cpp')
    line=$(echo "$table" | grep "^$room:") || {
      echo "tools/$room is not in the table of $0"
      failed=1
    }
    allowed=${line#*:}
  fi
  for seen in $(rooms_seen $files); do
    case " $allowed " in
      *" $seen "*) ;;
      *)
        echo "tools/$room includes tools/$seen:"
        grep -n "#include \"tools/$seen/" $files
        failed=1
        ;;
    esac
  done
done
exit $failed
