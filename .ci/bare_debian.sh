#!/bin/bash
# A bare Debian in a folder: Python 3 and a shell, nothing that the project's
# set-up could take for granted without a word.
#
#   bare_debian.sh make BASE            the system itself, in BASE/system, unless it
#                                       is there, whole and younger than a week
#   bare_debian.sh run BASE COMMAND…    COMMAND on a copy of it, in a copy of this
#                                       checkout with ../shared beside it; its
#                                       exit code is this script's
#
# Needs root, debootstrap (which `make` installs) and mount namespaces. SUITE
# names the Debian, else it is this machine's; packages come from the mirror that
# apt uses here, with this machine's certificates and pip settings. PLACE is where
# the checkout lies in it (/src), BARE_CCACHE a folder of ccache's to share with it.
set -euo pipefail
if [ $# -lt 2 ]; then
  echo "usage: $0 make BASE, or: $0 run BASE COMMAND…" >&2
  exit 2
fi
checkout=$(cd "$(dirname "$0")/.." && pwd)
what=$1 base=$2
shift 2
system=$base/system
place=${PLACE:-/src}
home=$(getent passwd 0 | cut -d: -f6)
suite=${SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME:-}")}

say() { echo "bare_debian.sh: $*" >&2; }

# The mirror of this machine's main packages, from whatever form of apt's sources.
mirror() {
  local here
  here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' |
    awk -v suite="$here" '$3 != "main" || $2 ~ /-/ { next }
      $2 == suite || best == "" { best = $1 }
      END { sub("/$", "", best); print best }'
}

# What of this machine's settings the network asks for.
settings_into() {
  local file
  for file in /etc/resolv.conf /etc/hosts /etc/ssl /etc/pip.conf /etc/xdg/pip \
    /usr/local/share/ca-certificates "$home/.config/pip" "$home/.pip"; do
    [ -e "$file" ] || continue
    # Gone first: a link there would lead out of the copy.
    rm -rf "$1$file"
    mkdir -p "$1${file%/*}"
    cp -rLT "$file" "$1$file"
  done
  apt-config dump Acquire | grep -E '::Proxy|^Acquire::https?::|^Acquire::Check-' \
    >"$1/etc/apt/apt.conf.d/01machine" || true
}

# Whether what an earlier `make` left is whole, of this suite, and young enough.
is_there() {
  [ "$(cat "$system/.made" 2>/dev/null)" = "$suite" ] &&
    [ -n "$(find "$system/.made" -mtime -7)" ] &&
    chroot "$system" sh -c 'python3 -c "import ssl" && apt-get check' >/dev/null 2>&1
}

make_system() {
  [ "$(id -u)" = 0 ] || { say "needs root"; return 1; }
  unshare --mount --propagation private true || { say "no mount namespaces here"; return 1; }
  local from answer new
  from=$(mirror)
  [ -n "$from" ] || { say "apt's sources here name no mirror"; return 1; }
  answer=$(mktemp -d)
  /usr/lib/apt/apt-helper download-file "$from/dists/$suite/Release" "$answer/Release" >/dev/null 2>&1 ||
    { rm -rf "$answer"; say "$from has no $suite, or cannot be reached"; return 1; }
  rm -rf "$answer"
  if is_there; then return; fi
  if ! command -v debootstrap >/dev/null; then
    { apt-get install -y -qq debootstrap || { apt-get update -qq && apt-get install -y -qq debootstrap; }; } \
      >/dev/null 2>&1 || { say "debootstrap is missing and cannot be installed"; return 1; }
  fi
  say "making a bare Debian ($suite) in $system"
  mkdir -p "$base"
  new=$(mktemp -d "$base/new.XXXXXX")
  if ! debootstrap --variant=minbase --include=python3,ca-certificates \
    "$suite" "$new" "$from" >"$base/log" 2>&1; then
    tail -n 5 "$base/log" >&2
    say "debootstrap failed"
    rm -rf "$new"
    return 1
  fi
  chmod 755 "$new"
  echo "$suite" >"$new/.made"
  rm -rf "$system"
  mv -T "$new" "$system"
}

# The folders that hold what pip is pointed to on this machine's disk.
folders_of_pip() {
  { pip_settings; cat /etc/pip.conf /etc/xdg/pip/pip.conf "$home/.config/pip/pip.conf" \
    "$home/.pip/pip.conf" 2>/dev/null | sed -n 's/^[^#=]*=//p'; } |
    tr ' \t' '\n\n' | sed 's|^file://||' | while read -r path; do
    # An index leads on to what lies beside it.
    case $path in
      /etc/* | /proc/* | /dev/* | "$home"/.*) continue ;;
      /*/*/*) path=${path%/*} ;;
      /*/*) ;;
      *) continue ;;
    esac
    [ ! -d "$path" ] || echo "$path"
  done | sort -u
}
pip_settings() { env | sed -n 's/^PIP_[^=]*=//p'; }

# In a mount namespace of its own, so that nothing stays mounted.
enter() {
  local root=$1 folder setting
  shift
  local mounts=(/proc /sys /dev)
  mapfile -t -O "${#mounts[@]}" mounts < <(folders_of_pip)
  for folder in "${mounts[@]}"; do
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
  done
  if [ -d "$checkout/../shared" ]; then
    mkdir -p "$root${place%/*}/shared"
    mount --rbind "$checkout/../shared" "$root${place%/*}/shared"
  fi
  # Compilations kept from last time: the one thing here that no user has.
  if [ -n "${BARE_CCACHE:-}" ]; then
    mkdir -p "$BARE_CCACHE" "$root$home/.cache/ccache"
    mount --bind "$BARE_CCACHE" "$root$home/.cache/ccache"
  fi
  local environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    HOME=$home LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
  while IFS= read -r -d '' setting; do
    case $setting in
      PIP_* | SSL_* | REQUESTS_* | CURL_* | CI=* | *_proxy=* | *_PROXY=*) environment+=("$setting") ;;
    esac
  done < <(env -0)
  exec chroot "$root" /usr/bin/env -i "${environment[@]}" \
    bash -c 'cd "$0" && exec "$@"' "$place" "$@"
}

run() {
  [ -e "$system/.made" ] || { say "no Debian in $base; make it first"; exit 1; }
  # Left by runs that were killed.
  find "$base" -mindepth 1 -maxdepth 1 '(' -name 'run.*' -o -name 'new.*' ')' -mtime +0 -exec rm -rf {} +
  copy=$(mktemp -d "$base/run.XXXXXX")
  chmod 755 "$copy"
  trap 'rm -rf "$copy"' EXIT
  trap 'exit 143' INT TERM
  cp -a --reflink=auto "$system/." "$copy"
  settings_into "$copy"
  mkdir -p "$copy$place"
  tar -C "$checkout" --exclude=./build --exclude='./build-*' --exclude=./.venv --exclude=./runs \
    --exclude=./.git -cf - . | tar -C "$copy$place" --no-same-owner -xf -
  if [ -n "${BARE_CCACHE:-}" ]; then
    chroot "$copy" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends ccache
      code=$?; rm -rf /var/lib/apt/lists/*; exit $code' >/dev/null 2>&1 || say "without ccache"
  fi
  unshare --mount --propagation private "$0" enter "$copy" "$@"
}

case $what in
  make) make_system ;;
  run) run "$@" ;;
  enter) enter "$base" "$@" ;;
  *)
    say "unknown: $what"
    exit 2
    ;;
esac
