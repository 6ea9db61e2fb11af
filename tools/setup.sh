# What quickstart.sh and run_tests.sh share: finds or installs what skipzoo is
# built with, then builds it. Sourced, not run; every step may be done again.

TORCH_VERSION=2.13.0
TORCH_SUPPORTED='2.11 2.12 2.13'
TORCH_COMPANIONS='numpy onnx onnxruntime safetensors'

fail() {
  echo "skipzoo: $*" >&2
  exit 1
}

# step NAME COMMAND…: says what is done and how long it took.
step() {
  step_name=$1
  shift
  echo "== $step_name"
  step_start=$(date +%s)
  "$@"
  echo "== $step_name: done in $(($(date +%s) - step_start)) s"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# install_packages NAME…: those of the Debian packages that are missing.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian-like system; taking for granted what these hold: $*"
    return
  fi
  missing=
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null |
      grep -q 'install ok installed' || missing="$missing $package"
  done
  if [ -z "$missing" ]; then
    echo "all packages are there"
    return
  fi
  echo "missing:$missing"
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    fail "no root rights here; run this, then start again: sudo apt-get install$missing"
  fi
  as_root apt-get update -qq ||
    fail "apt-get update failed; is the network reachable?"
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends $missing >/dev/null ||
    fail "installing packages failed; try by hand: apt-get install$missing"
}

# The version of the torch that a Python has; nothing where it has none.
torch_version() {
  "$1" -c 'import importlib.metadata as m; print(m.version("torch"))' 2>/dev/null
}

torch_folder() {
  "$1" -c 'import importlib.util as u, os
print(os.path.dirname(u.find_spec("torch").origin))'
}

supported() {
  for series in $TORCH_SUPPORTED; do
    case $1 in "$series".*) return 0 ;; esac
  done
  return 1
}

make_venv() {
  [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
    return
  python3 -m venv .venv ||
    fail "python3 cannot make a virtual environment; install python3-venv"
}

# Sets LIBTORCH: given by the user, or that of an installed Python torch, or
# that of the project's .venv.
find_libtorch() {
  if [ -n "${LIBTORCH:-}" ]; then
    echo "LIBTORCH is set: $LIBTORCH"
    return
  fi
  if [ -n "${Torch_DIR:-}" ]; then
    LIBTORCH=$(cd "$Torch_DIR/../../.." && pwd) ||
      fail "Torch_DIR is set to '$Torch_DIR', which is not share/cmake/Torch of a LibTorch"
    echo "Torch_DIR is set: $LIBTORCH"
    return
  fi
  for python in python3 .venv/bin/python; do
    version=$(torch_version "$python") || continue
    if supported "$version"; then
      LIBTORCH=$(torch_folder "$python")
      echo "LibTorch $version of $python"
      return
    fi
    echo "$python has torch $version; supported are $TORCH_SUPPORTED"
  done
  echo "installing torch $TORCH_VERSION into .venv"
  make_venv
  .venv/bin/python -m pip install -q --disable-pip-version-check \
    "torch==$TORCH_VERSION" ||
    fail "pip could not install torch==$TORCH_VERSION; set LIBTORCH to an unpacked LibTorch instead"
  LIBTORCH=$(torch_folder .venv/bin/python)
}

# What the tests read exports with, beside torch: into .venv where that is ours
# and PyPI is reachable; else the tests leave out what is missing.
install_companions() {
  python=$(cd "$LIBTORCH/../../../.." 2>/dev/null && pwd)/bin/python3
  if ! [ -x "$python" ]; then
    echo "LibTorch is that of no Python: left out are the tests in Python"
    return
  fi
  missing=
  for companion in $TORCH_COMPANIONS; do
    "$python" -c "import $companion" 2>/dev/null && continue
    case $python in
      "$PWD"/.venv/*) "$python" -m pip install -q --disable-pip-version-check \
        "$companion" && continue ;;
    esac
    missing="$missing $companion"
  done
  if [ -n "$missing" ]; then
    echo "left out are the tests that need:$missing"
  else
    echo "all are there: $TORCH_COMPANIONS"
  fi
}

# Sets CMAKE: the system's where it is new enough, else one by pip.
find_cmake() {
  CMAKE=cmake
  if cmake --version | awk '
      NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 24)) }'; then
    return
  fi
  echo "cmake is older than 3.24; installing one into .venv"
  make_venv
  .venv/bin/python -m pip install -q --disable-pip-version-check 'cmake>=3.24,<4' ||
    fail "pip could not install cmake; install CMake 3.24 or newer"
  CMAKE=.venv/bin/cmake
}

# As many compilers at once as there are cores, and 1.5 GB of memory for each.
jobs_that_fit() {
  cores=$(nproc)
  by_memory=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
  [ "$by_memory" -ge 1 ] || by_memory=1
  [ "$cores" -le "$by_memory" ] && echo "$cores" || echo "$by_memory"
}

# build TESTS TARGET…: TESTS is ON or OFF.
build() {
  tests=$1
  shift
  "$CMAKE" -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DLIBTORCH="$LIBTORCH" -DSKIPZOO_BUILD_TESTS="$tests" ||
    fail "CMake could not configure the build; its message above names what is missing"
  "$CMAKE" --build build -j "$(jobs_that_fit)" --target "$@" ||
    fail "the build failed; its first error is above"
}

# set_up TESTS TARGET…: from nothing to a build.
set_up() {
  command -v python3 >/dev/null || fail "python3 is missing; install it"
  packages='g++ cmake ninja-build libspdlog-dev libyaml-cpp-dev libcli11-dev
    nlohmann-json3-dev libjpeg-dev libpng-dev zlib1g-dev'
  [ "$1" = ON ] && packages="$packages libgtest-dev"
  python3 -c 'import ensurepip' 2>/dev/null || packages="$packages python3-venv"
  # shellcheck disable=SC2086
  step 'packages' install_packages $packages
  step 'LibTorch' find_libtorch
  [ "$1" = OFF ] || step 'companions of torch' install_companions
  find_cmake
  step 'build' build "$@"
}
