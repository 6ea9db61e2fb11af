# What quickstart.sh and run_tests.sh share: finds or installs what skipzoo is
# built with, then builds it. Sourced, not run; every step may be done again.

# By it, cd would lead elsewhere, and say so in the midst of what is read here.
unset CDPATH
. "$(dirname "$(readlink -f "$0")")/libtorch.sh"

fail() {
  echo "skipzoo: $*" >&2
  exit 1
}

usage() {
  cat <<END
usage: $0 [--cpu | --cuda] [LIBTORCH=FOLDER]

$1

  --cpu             LibTorch without CUDA ($TORCH_CPU_SIZE)
  --cuda            LibTorch with CUDA ($TORCH_CUDA_SIZE)
  LIBTORCH=FOLDER   that LibTorch; also as a variable of the environment
  -h, --help        this text

With none of these an installed LibTorch is taken, else one is installed into
.venv: with CUDA where there is an NVIDIA driver, without where there is none.
END
}

wrong_usage() {
  echo "skipzoo: $*" >&2
  usage "$usage_of" >&2
  exit 2
}

# read_options WHAT OPTION…: sets KIND (cpu, cuda or nothing) and LIBTORCH; WHAT
# says what the script does. To be called in the folder that it was started in.
read_options() {
  usage_of=$1
  shift
  KIND=
  for option in "$@"; do
    case $option in
      --cpu | --cuda)
        [ -z "$KIND" ] || [ "$KIND" = "${option#--}" ] ||
          wrong_usage "--cpu and --cuda: choose one"
        KIND=${option#--}
        ;;
      LIBTORCH=*) LIBTORCH=${option#LIBTORCH=} ;;
      -h | --help)
        usage "$usage_of"
        exit 0
        ;;
      *) wrong_usage "unknown option: $option" ;;
    esac
  done
  libtorch_asked_for
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
      grep -q 'ok installed' || missing="$missing $package"
  done
  if [ -z "$missing" ]; then
    echo "all packages are there"
    return
  fi
  echo "missing:$missing"
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    fail "no root rights here; run this, then start again: sudo apt-get update && sudo apt-get install$missing"
  fi
  as_root apt-get update -qq ||
    fail "apt-get update failed; is the network reachable?"
  # shellcheck disable=SC2086
  as_root env LC_ALL=C apt-get install --assume-no --no-install-recommends $missing 2>/dev/null |
    grep -E '^(Need to get|After this)' || true
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends $missing >/dev/null ||
    fail "installing packages failed; try by hand: apt-get install$missing"
}

make_venv() {
  [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
    return
  python3 -m venv .venv ||
    fail "python3 could not make the virtual environment .venv: its message above says why; python3-venv may be missing"
}

venv_pip() {
  .venv/bin/python -m pip --disable-pip-version-check "$@"
}

# Sets CMAKE: the system's where it is new enough, else one by pip.
find_cmake() {
  CMAKE=cmake
  if cmake --version 2>/dev/null | awk '
      NR == 1 { split($3, v, ".") }
      END { exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 24)) }'; then
    return
  fi
  echo "cmake is missing or older than 3.24; installing one into .venv, 30 MB to download"
  make_venv
  venv_pip install -q 'cmake>=3.24,<4' ||
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
    -DLIBTORCH="$LIBTORCH" -UTorch_DIR -DSKIPZOO_BUILD_TESTS="$tests" ||
    fail "CMake could not configure the build; its message above says why"
  "$CMAKE" --build build -j "$(jobs_that_fit)" --target "$@" ||
    fail "the build failed; its first error is above"
}

# set_up TESTS TARGET…: from nothing to a build.
set_up() {
  command -v python3 >/dev/null || fail "python3 is missing; install it"
  packages='g++ cmake ninja-build libspdlog-dev libyaml-cpp-dev libcli11-dev
    nlohmann-json3-dev libjpeg-dev libpng-dev libwebp-dev libtiff-dev
    libgif-dev zlib1g-dev libssl-dev libcurl4-openssl-dev libgloo-dev
    ca-certificates'
  [ "$1" = ON ] && packages="$packages libgtest-dev xz-utils iproute2"
  python3 -c 'import ensurepip' 2>/dev/null || packages="$packages python3-venv"
  # shellcheck disable=SC2086
  step 'packages' install_packages $packages
  step 'LibTorch' find_libtorch
  [ "$1" = OFF ] || step 'what the tests in Python need' install_companions
  find_cmake
  step 'build' build "$@"
}
