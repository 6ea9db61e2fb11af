# Finds LibTorch, or installs it into .venv. Sourced by setup.sh.

TORCH_VERSION=2.13.0
TORCH_SUPPORTED='2.11 2.12 2.13 2.14'
# What the tests in Python read exports with, and what the code is formatted by.
TORCH_COMPANIONS='numpy onnx onnxruntime safetensors clang_format==14.0.6'
TORCH_COMPANIONS_SIZE='60 MB to download for all, 0.2 GB on disk'
# PyTorch's own wheels without CUDA; PyPI has only those with it.
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
TORCH_CPU_SIZE='0.2 GB to download, 0.8 GB on disk'
TORCH_CUDA_SIZE='3 GB to download, 5 GB on disk'

# libtorch_of FOLDER: the LibTorch there, absolute. FOLDER may also be its
# share/cmake or share/cmake/Torch, which are what CMake is told of, or the
# site-packages around it; as in cmake/LibTorch.cmake.
libtorch_of() {
  # Not every shell does this to an argument.
  case $1 in "~/"*) set -- "$HOME/${1#"~/"}" ;; esac
  [ -d "$1" ] || return 1
  for way in . torch ../.. ../../..; do
    (cd "$1/$way" 2>/dev/null && [ -e include/torch/csrc/api/include/torch/nn.h ] && pwd) && return
  done
  return 1
}

# Makes LIBTORCH what the user asked for, if anything, in any of CMake's ways.
libtorch_asked_for() {
  for name in LIBTORCH Torch_DIR; do
    eval "asked=\${$name:-}"
    [ -n "$asked" ] || continue
    LIBTORCH=$(libtorch_of "$asked") ||
      fail "$name is '$asked', where there is no LibTorch (no include/torch/csrc/api/include/torch/nn.h)"
    return
  done
  whole_ifs=$IFS
  IFS=':;'
  set -f # A folder's name may have brackets.
  for prefix in ${CMAKE_PREFIX_PATH:-}; do
    LIBTORCH=$(libtorch_of "$prefix") && break
  done
  set +f
  IFS=$whole_ifs
}

# The version of the torch that a Python has; nothing where it has none.
torch_version() {
  "$1" -c 'import importlib.metadata as m; print(m.version("torch"))' 2>/dev/null
}

torch_folder() {
  "$1" -c 'import importlib.util as u, os
print(os.path.dirname(u.find_spec("torch").origin))'
}

# Whether skipzoo takes LibTorch $1. One newer than was tried is taken too.
supported() {
  for series in $TORCH_SUPPORTED; do
    case $1 in "$series".*) return 0 ;; esac
  done
  echo "$1" | awk -v newest="${TORCH_SUPPORTED##* }" '{
    split($1, v, "."); split(newest, n, ".")
    exit !(v[1] > n[1] || (v[1] == n[1] && v[2] > n[2])) }' || return 1
  echo "warning: LibTorch $1 is newer than ${TORCH_SUPPORTED##* }, the newest that skipzoo was tried on"
}

# Whether the LibTorch in $1 is of the kind that was asked for.
of_kind() {
  case $KIND in
    cuda) [ -e "$1/lib/libtorch_cuda.so" ] ;;
    cpu) ! [ -e "$1/lib/libtorch_cuda.so" ] ;;
  esac
}

# Sets LIBTORCH: given by the user, or that of an installed Python torch, or
# that of the project's .venv.
find_libtorch() {
  if [ -n "${LIBTORCH:-}" ]; then
    of_kind "$LIBTORCH" ||
      fail "--$KIND was asked for, and the LibTorch in $LIBTORCH is another; leave out one of them"
    echo "as asked for: $LIBTORCH"
    return
  fi
  for python in python3 .venv/bin/python; do
    version=$(torch_version "$python") || continue
    if ! supported "$version"; then
      echo "$python has torch $version; supported are $TORCH_SUPPORTED"
    elif ! of_kind "$(torch_folder "$python")"; then
      echo "the torch $version of $python is not the one of --$KIND"
    else
      LIBTORCH=$(torch_folder "$python")
      echo "LibTorch $version of $python"
      return
    fi
  done
  make_venv
  install_torch
  LIBTORCH=$(torch_folder .venv/bin/python)
}

# Whether NVIDIA's driver runs here; sets SIGN to what shows it. Its programs and
# libraries may be there without it, as in many a container.
has_nvidia_driver() {
  SIGN=/proc/driver/nvidia/version
  [ -e "$SIGN" ] && return
  # The second is WSL's, where the driver is that of Windows.
  for SIGN in nvidia-smi /usr/lib/wsl/lib/nvidia-smi; do
    timeout 30 "$SIGN" -L >/dev/null 2>&1 && return
  done
  SIGN=libcuda.so.1
  timeout 30 python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(sys.argv[1]).cuInit(0))' "$SIGN" 2>/dev/null
}

# Into .venv. The kind is the one asked for, else the one that this machine can
# use; size and source are said before anything is fetched.
install_torch() {
  if [ -n "$KIND" ]; then
    reason="--$KIND was asked for"
  elif has_nvidia_driver; then
    KIND=cuda reason="an NVIDIA driver is here: $SIGN"
  else
    KIND=cpu reason="no NVIDIA driver is here"
  fi
  # "===" does not take "+cpu" too.
  what="torch===$TORCH_VERSION" from='' size=$TORCH_CUDA_SIZE
  [ "$KIND" = cuda ] || choose_cpu_wheel
  echo "installing $what into .venv, $size ($reason; --cpu, --cuda or LIBTORCH=FOLDER choose otherwise)"
  # shellcheck disable=SC2086
  venv_pip install -q $from "$what" ||
    fail "pip could not install $what; set LIBTORCH to an unpacked LibTorch instead"
}

# Sets what, from and size: a wheel on this machine's disk, PyTorch's index, or,
# out of the latter's reach, the one wheel that PyPI has.
choose_cpu_wheel() {
  cpu="torch==$TORCH_VERSION+cpu"
  if venv_pip install -q --dry-run --no-deps --no-index "$cpu" >/dev/null 2>&1; then
    what=$cpu size='from a wheel that pip finds on this machine, 0.8 GB on disk'
  elif reachable "$TORCH_CPU_INDEX/torch/"; then
    what=$cpu size=$TORCH_CPU_SIZE from="--extra-index-url $TORCH_CPU_INDEX"
  else
    what="torch==$TORCH_VERSION"
    size="$TORCH_CUDA_SIZE: the build with CUDA, for $TORCH_CPU_INDEX cannot be reached"
  fi
}

reachable() {
  .venv/bin/python -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=10)' \
    "$1" 2>/dev/null
}

# The companions, into .venv where LibTorch is that of .venv and PyPI is reachable;
# else the tests leave out what is missing.
install_companions() {
  python=$(cd -P "$LIBTORCH" && cd ../../../.. && pwd -P)/bin/python3
  # Not there for packages of one user, or of the system; as in tests/CMakeLists.txt.
  [ -x "$python" ] || python=python3
  if ! torch_version "$python" >/dev/null; then
    echo "$python has no torch: left out are the tests in Python"
    return
  fi
  missing=
  for companion in $TORCH_COMPANIONS; do
    "$python" -c "import ${companion%%==*}" 2>/dev/null && continue
    case $python in
      "$PWD"/.venv/*)
        echo "installing $companion into .venv ($TORCH_COMPANIONS_SIZE)"
        venv_pip install -q "$companion" && continue
        ;;
    esac
    missing="$missing $companion"
  done
  if [ -n "$missing" ]; then
    echo "left out are the tests that need:$missing"
  else
    echo "all are there: $TORCH_COMPANIONS"
  fi
}
