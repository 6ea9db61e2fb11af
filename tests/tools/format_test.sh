#!/bin/sh
# format_test.sh CHECKOUT CLANG_FORMAT: whether every file is as clang-format 14
# and .clang-format make it. To make it so: clang-format -i FILE.
case $("$2" --version 2>/dev/null) in
  *" version 14."*) ;;
  *)
    echo "skipped: no clang-format 14 here"
    exit 77
    ;;
esac
cd "$1" && find models tools tests '(' -name '*.h' -o -name '*.cpp' ')' -exec \
  "$2" --dry-run -Werror {} +
