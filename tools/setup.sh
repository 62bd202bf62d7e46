#!/usr/bin/env bash
# Installs what building and testing hourglass needs, with apt, on Debian 12 and Ubuntu 22.04 or later.
# Does nothing, and touches no network, when all is there.
set -euo pipefail

packages=(
  g++ cmake ninja-build python3 python3-pip ca-certificates
  libdnnl-dev libcli11-dev nlohmann-json3-dev libpng-dev zlib1g-dev libeigen3-dev catch2
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "error: these packages are needed, and there is no apt-get here: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "error: run as root, or install sudo, to install: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "setup: done" >&2
