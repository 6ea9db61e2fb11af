#!/bin/sh
echo "${0##*/}: called by a test, and not installed by tools/setup.sh" >&2
exit 127
