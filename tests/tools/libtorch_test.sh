#!/bin/sh
# Which LibTorch tools/libtorch.sh takes and what it installs, and from where the
# scripts that use it may be started: on machines that are made up here by
# programs and functions of the same names. Nothing is fetched.
set -eu
cd "$(dirname "$0")/../.."
. tools/libtorch.sh

work=$(cd -P "$(mktemp -d)" && pwd)
trap 'rm -rf "$work"' EXIT
unset LIBTORCH Torch_DIR CMAKE_PREFIX_PATH
fail() {
  echo "skipzoo: $*"
  exit 1
}
# program NAME BODY: one of that name, for whom $work/bin is first on the path.
mkdir "$work/bin"
program() {
  printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

# A driver's program alone is no driver.
if ! has_nvidia_driver; then
  program nvidia-smi 'exit 9'
  if (PATH=$work/bin:$PATH && has_nvidia_driver); then fail 'a broken nvidia-smi was taken for a driver'; fi
  program nvidia-smi 'exit 0'
  (PATH=$work/bin:$PATH && has_nvidia_driver && [ "$SIGN" = nvidia-smi ]) || fail 'a driver was not seen'
fi

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
  for options in --cudda '--cpu --cuda'; do
    code=0
    $script $options >"$work/said" 2>&1 || code=$?
    [ "$code" = 2 ] && grep -q -e '^skipzoo: .*--cuda*' "$work/said" || fail "$script took $options"
  done
done

# Wherever they are started and through whatever links, they work in their checkout.
program dpkg-query 'echo install ok installed'
program cmake 'if [ "$1" = --version ]; then echo cmake version 3.25.1; else echo "cmake in $PWD: $*"; exit 1; fi'
checkout="$work/check out, (1)"
mkdir -p "$checkout" "$work/other/tools"
cp -r "$work/with cuda" "$work/other"
cp -r tools "$checkout"
ln -s "$checkout/tools/quickstart.sh" "$work/script"
ln -s "$checkout/tools" "$work/folder"
# works FOLDER SCRIPT LIBTORCH: started so from there.
works() {
  said=$(cd "$1" && PATH=$work/bin:$PATH CDPATH=$work/other sh "$2" LIBTORCH="$3" 2>&1) || true
  case $said in
    *"cmake in $checkout: "*" -DLIBTORCH=$work/with cuda "*) ;;
    *) fail "$2, in $1: $said" ;;
  esac
}
works "$checkout" tools/quickstart.sh "$work/with cuda"
works "$checkout/tools" quickstart.sh "$work/with cuda"
works / "$checkout/tools/quickstart.sh" "$work/with cuda"
works / "$work/script" "$work/with cuda"
works "$work" folder/quickstart.sh "with cuda"

# Where cmake is missing or too old, one is installed, and taken.
mkdir -p "$checkout/.venv/bin"
cp "$work/bin/cmake" "$checkout/.venv/bin"
printf '#!/bin/sh\n' >"$checkout/.venv/bin/python"
chmod +x "$checkout/.venv/bin/python"
for old in 'exit 127' 'echo cmake version 3.22.1'; do
  program cmake "$old"
  works / "$work/script" "$work/with cuda"
  case $said in *"cmake is missing or older than 3.24"*) ;; *) fail "cmake: '$old' was taken" ;; esac
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

# The tests in Python run by the Python that LibTorch is of.
installed=2.13.0 LIBTORCH=$work/lib/python3/site-packages/torch
mkdir -p "$LIBTORCH"
case $(install_companions) in *'has no torch'*) fail 'the torch of python3 was not seen' ;; esac
installed=''
case $(install_companions) in 'python3 has no torch'*) ;; *) fail 'a torch was seen' ;; esac
unset LIBTORCH

cd "$work"
ln -s 'with cuda' torch
mkdir -p 'with cud1'
cp -r 'with cuda/include' 'with cud1'
for way in 'with cuda' 'with cuda/' 'with cuda/share/cmake' 'with cuda/share/cmake/Torch'; do
  (LIBTORCH=$way && libtorch_asked_for && expect "as asked for: $work/with cuda")
  (Torch_DIR=$way && libtorch_asked_for && expect "as asked for: $work/with cuda")
  (CMAKE_PREFIX_PATH="/nowhere:$way" && libtorch_asked_for && expect "as asked for: $work/with cuda")
done
(HOME=$work CMAKE_PREFIX_PATH="with cud[1];~/with cuda" && libtorch_asked_for && expect "as asked for: $work/with cuda")
(LIBTORCH=$work && libtorch_asked_for && expect "as asked for: $work/torch")
said=$(LIBTORCH='with cuda/nowhere/at all' && libtorch_asked_for) && fail 'a folder that is not there was taken'
(LIBTORCH='with cuda' KIND=cpu && libtorch_asked_for && expect "--cpu was asked for, and")
said=$(LIBTORCH=nowhere && libtorch_asked_for) && fail "a LIBTORCH of 'nowhere' was taken"
case $said in *"LIBTORCH is 'nowhere', where there is no LibTorch"*) ;; *) fail "$said" ;; esac
echo 'each machine got its own'
