#!/usr/bin/env bash
# Installs what building and testing need, from the distribution's packages only: Debian 12, Ubuntu 22.04 and newer.
# Says nothing and needs no rights where everything is there already.
#   scripts/install_deps.sh          compiler, libraries, gnuplot
#   scripts/install_deps.sh --lint      also clang-format 14 and clang-tidy 14
#   scripts/install_deps.sh --emulator  also what the software CUDA runtime of the tests needs
set -euo pipefail

packages=(g++ cmake ninja-build git ca-certificates pkg-config
          libtbb-dev zlib1g-dev libhdf5-dev libzip-dev nlohmann-json3-dev libeigen3-dev libspectra-dev libcxxopts-dev
          libgtest-dev gnuplot-nox)
case "${1:-}" in
  "") ;;
  --lint) packages+=(clang-format-14 clang-tidy-14) ;;
  --emulator) packages+=(make libzstd-dev liblz4-dev) ;;
  *) echo "usage: scripts/install_deps.sh [--lint|--emulator]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not a Debian or Ubuntu system. Please install the counterparts of: ${packages[*]}" >&2
  echo "(continuing: CMake names whatever is missing)" >&2
  exit 0
fi
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for p in "${packages[@]}"; do
  # pkg-config became an alias of pkgconf
  if [ "$p" = pkg-config ] && command -v pkg-config >/dev/null; then continue; fi
  installed "$p" || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "As root: apt-get install --no-install-recommends ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
run() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o=Dpkg::Use-Pty=0 "$@" </dev/null; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { run update && run install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "the packages could not be installed" >&2
  exit 1
fi
