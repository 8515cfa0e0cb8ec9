#!/usr/bin/env bash
# clang-format check of every source file, then clang-tidy of every file that the build compiles (.clang-tidy has the checks).
#   scripts/lint.sh [FILES...]     tidy only these
#   scripts/lint.sh --format       the format check alone
#   scripts/lint.sh --fix-format   rewrites the files instead
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
stage "install packages" scripts/install_deps.sh --lint

sources() { git ls-files -co --exclude-standard -- 'src/*.h' 'src/*.cpp' 'apps/*.h' 'apps/*.cpp' 'tests/*.h' 'tests/*.cpp' 'bench/*.h' 'bench/*.cpp' 'src/*.cu' 'src/*.cuh'; }
format() { sources | xargs -n 16 -P "$jobs" clang-format-14 "$@"; }
# What did not change since it was last clean, with all headers, is not looked at again.
tidy() { printf '%s\n' "$@" | xargs -n 1 -P "$jobs" scripts/tidy_one.sh "$build"; }
case "${1:-}" in
  --fix-format) format -i; exit 0 ;;
  --format) stage "format" format --dry-run -Werror; summary; exit 0 ;;
esac
[ $# -gt 0 ] || stage "format" format --dry-run -Werror
# The whole tree is read in units of twelve files, which parses the headers a fifth as often; named files each by itself.
build=build/lint unity=ON
if [ $# -gt 0 ]; then build=build/lint-files unity=OFF; fi
configure() {
  cmake -S . -B "$build" -G Ninja -DPLX_CUDA=OFF -DPLX_CUDA_TESTS=ON -DPLX_BENCH=ON -DCMAKE_UNITY_BUILD=$unity \
    -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 >build/configure-lint.log || { cat build/configure-lint.log; return 1; }
  # the vector loops once, not for every instruction set
  awk 'BEGIN { RS = "},\n"; ORS = "" } NR == 1 || !/PLX_ISA=isa_v[34]/ { print (NR > 1 ? "},\n" : "") $0 }' "$build/compile_commands.json" >"$build/once.json"
  grep -q '^]' "$build/once.json" || printf '}\n]\n' >>"$build/once.json"
  mv "$build/once.json" "$build/compile_commands.json"
}
units() { sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u; }
tidy_all() {
  local all unseen
  mapfile -t all < <(units)
  unseen=$(sources | grep '\.cpp$' | grep -v -e '^tests/fuzz/fuzz_' -e '^tests/embed/' |
    grep -vxFf <({ printf '%s\n' "${all[@]}"; sed -n 's/^#include "\(.*\.cpp\)"$/\1/p' "${all[@]}"; } | sed "s|^$root/||")) || true
  if [ -n "$unseen" ]; then printf 'no build has %s, nothing looks at it\n' $unseen >&2; return 1; fi
  tidy "${all[@]}"
}
mkdir -p build
stage "configure" configure
if [ $# -gt 0 ]; then stage "tidy" tidy "$@"; else stage "tidy" tidy_all; fi
summary
