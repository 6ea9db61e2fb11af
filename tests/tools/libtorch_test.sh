#!/bin/sh
# Which LibTorch tools/libtorch.sh takes and what it installs: on machines that
# are made up here by functions of the same names. Nothing is fetched.
set -eu
cd "$(dirname "$0")/../.."
. tools/libtorch.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LIBTORCH Torch_DIR CMAKE_PREFIX_PATH
fail() {
  echo "skipzoo: $*"
  exit 1
}
make_venv() { :; }
has_nvidia_driver() { SIGN=sign && [ "$driver" = yes ]; }
reachable() { [ "$index" = yes ]; }
venv_pip() {
  case $* in
    *--no-index*) [ "$wheel" = yes ] ;;
    *) echo "pip $*" ;;
  esac
}
# python3's torch is $installed, .venv has none before it is installed.
torch_version() { [ "$1" = python3 ] && [ -n "$installed" ] && echo "$installed"; }
torch_folder() { if [ "$1" = python3 ]; then echo "$work/python3"; else echo "$work/venv"; fi; }
mkdir -p "$work/python3/lib" "$work/with cuda/lib" "$work/with cuda/include/torch/csrc/api/include/torch" \
  "$work/with cuda/share/cmake/Torch"
touch "$work/with cuda/lib/libtorch_cuda.so" "$work/with cuda/include/torch/csrc/api/include/torch/nn.h"

# expect WORDS: what find_libtorch says has them.
expect() {
  said=$(find_libtorch 2>&1) || true
  case $said in
    *"$1"*) ;;
    *)
      echo "not '$1' but: $said"
      exit 1
      ;;
  esac
}
for script in tools/quickstart.sh tools/run_tests.sh; do
  $script --help | grep -q -e --cuda || fail "$script --help says nothing of --cuda"
  code=0
  $script --cudda >"$work/said" 2>&1 || code=$?
  [ "$code" = 2 ] && grep -q 'unknown option: --cudda' "$work/said" || fail "$script took --cudda"
done

KIND='' driver=no index=yes wheel=no installed=''
expect "installing torch==2.13.0+cpu into .venv, 0.2 GB to download, 0.8 GB on disk (no NVIDIA driver"
expect "pip install -q --extra-index-url $TORCH_CPU_INDEX torch==2.13.0+cpu"
wheel=yes expect "a wheel that pip finds on this machine"
wheel=no index=no
expect "installing torch==2.13.0 into .venv, $TORCH_CUDA_SIZE: the build with CUDA, for"
driver=yes index=yes
expect "$TORCH_CUDA_SIZE (an NVIDIA driver is here: sign;"
expect "pip install -q torch===2.13.0"
KIND=cpu
expect "installing torch==2.13.0+cpu"
KIND=cuda driver=no
expect "installing torch===2.13.0"

# One that is installed is taken where it is new enough and what was asked for.
installed=2.13.0+cpu
expect "the torch 2.13.0+cpu of python3 is not the one of --cuda"
KIND=cpu && expect "LibTorch 2.13.0+cpu of python3"
KIND='' && expect "LibTorch 2.13.0+cpu of python3"
installed=2.11.0 && expect "LibTorch 2.11.0 of python3"
installed=2.15.0 && expect "warning: LibTorch 2.15.0 is newer than 2.14"
expect "LibTorch 2.15.0 of python3"
installed=2.10.1 && expect "python3 has torch 2.10.1; supported are"
expect "installing torch==2.13.0+cpu"

cd "$work"
for way in 'with cuda' 'with cuda/share/cmake' 'with cuda/share/cmake/Torch'; do
  (LIBTORCH=$way && libtorch_asked_for && expect "as asked for: $work/with cuda")
  (Torch_DIR=$way && libtorch_asked_for && expect "as asked for: $work/with cuda")
  (CMAKE_PREFIX_PATH="/nowhere:$way" && libtorch_asked_for && expect "as asked for: $work/with cuda")
done
(LIBTORCH='with cuda' KIND=cpu && libtorch_asked_for && expect "--cpu was asked for, and")
said=$(LIBTORCH=nowhere && libtorch_asked_for) && fail "a LIBTORCH of 'nowhere' was taken"
case $said in *"LIBTORCH is 'nowhere', where there is no LibTorch"*) ;; *) fail "$said" ;; esac
echo 'each machine got its own'
