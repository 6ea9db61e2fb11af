#!/bin/sh
# From a fresh clone to tested: installs what is missing, builds everything, and
# runs all tests. Its last lines are ctest's own.
set -eu
. "$(dirname "$(readlink -f "$0")")/setup.sh"
read_options 'Installs what is missing, builds everything, and runs all tests.' "$@"
cd "$(dirname "$(readlink -f "$0")")/.."

set_up ON all
echo '== tests'
exec "${CMAKE%cmake}ctest" --test-dir build --output-on-failure -j "$(jobs_that_fit)"
