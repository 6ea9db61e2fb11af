#!/bin/sh
# From a fresh clone to tested: installs what is missing, builds everything, and
# runs all tests. Its last lines are ctest's own.
set -eu
cd "$(dirname "$0")/.."
. tools/setup.sh

set_up ON all
echo '== tests'
exec "${CMAKE%cmake}ctest" --test-dir build --output-on-failure
