#!/usr/bin/env bash
# clang-format check of every source file, then clang-tidy of every file that the build compiles (.clang-tidy has the checks).
#   scripts/lint.sh [FILES...]     tidy only these
#   scripts/lint.sh --format       the format check alone
#   scripts/lint.sh --fix-format   rewrites the files instead
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
stage "install packages" scripts/install_deps.sh --lint

sources() { git ls-files -co --exclude-standard -- 'src/*.h' 'src/*.cpp' 'apps/*.h' 'apps/*.cpp' 'tests/*.h' 'tests/*.cpp' 'bench/*.h' 'bench/*.cpp' 'src/*.cu' 'src/*.cuh'; }
format() { sources | xargs -n 16 -P "$jobs" clang-format-14 "$@"; }
# Files that did not change since they were last clean, with all their headers, are not looked at again.
tidy() {
  local files
  if [ $# -gt 0 ]; then files=$(printf '%s\n' "$@"); else files=$(sources | grep '\.cpp$' | grep -v -e '^tests/fuzz/fuzz_' -e '^tests/embed/'); fi
  printf '%s\n' "$files" | xargs -n 1 -P "$jobs" scripts/tidy_one.sh build/lint
}
case "${1:-}" in
  --fix-format) format -i; exit 0 ;;
  --format) stage "format" format --dry-run -Werror; summary; exit 0 ;;
esac
[ $# -gt 0 ] || stage "format" format --dry-run -Werror
configure() {
  cmake -S . -B build/lint -G Ninja -DPLX_CUDA=OFF -DPLX_CUDA_TESTS=ON -DPLX_BENCH=ON >build/configure-lint.log || { cat build/configure-lint.log; return 1; }
  # the vector loops once, not for every instruction set
  awk 'BEGIN { RS = "},\n"; ORS = "" } NR == 1 || !/PLX_ISA=isa_v[34]/ { print (NR > 1 ? "},\n" : "") $0 }' build/lint/compile_commands.json >build/lint/once.json
  grep -q '^]' build/lint/once.json || printf '}\n]\n' >>build/lint/once.json
  mv build/lint/once.json build/lint/compile_commands.json
}
mkdir -p build
stage "configure" configure
stage "tidy" tidy "$@"
summary
