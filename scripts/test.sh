#!/usr/bin/env bash
# Installs what is missing, builds and runs the tests.
#   scripts/test.sh             all tests but the slow ones
#   scripts/test.sh --outcome   the slow ones only: whole runs whose scores are held against bounds
#   scripts/test.sh --asan      all but the slow ones, built with the address and undefined-behaviour sanitizers
#   scripts/test.sh --lint      clang-format check and clang-tidy
#   scripts/test.sh --format    rewrites the sources with clang-format
# PLX_JOBS=N builds and tests on N processors (default: all).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# warnings are errors where CI runs this, not on the compiler that a user happens to have
strict=OFF
if [ "${CI:-}" = true ]; then strict=ON; fi
# With nvcc the CUDA module is built beside the same programs, and its tests run on a card or, where ../shared/cuemu is,
# under that software CUDA runtime with its checks; elsewhere they say that they are skipped.
preset=cpu-release
cuda=()
choose_flavour() {
  command -v nvcc >/dev/null || return 0
  preset=cuda-check
  [ -d "$root/../shared/cuemu" ] || return 0
  stage "software CUDA runtime" scripts/cuda_emulator.sh
  local run="$root/build/cuemu/cuemu"
  cuda=("-DPLX_CUDA_LAUNCHER=$run" "-DPLX_CUDA_CHECKER=$run;--race;--init;--leak" "-DPLX_CUDA_LAZY=$run;--lazy;--seed;5")
}
build_and_test() {
  stage "install packages" scripts/install_deps.sh
  choose_flavour
  stage "build" configure_build "$preset" "-DPLX_WERROR=$strict" "${cuda[@]}"
  stage "tests" run_tests "$preset" -LE outcome
}
case "${1:-}" in
  "") build_and_test ;;
  --outcome)
    stage "install packages" scripts/install_deps.sh
    stage "build" configure_build cpu-release "-DPLX_WERROR=$strict"
    stage "outcome tests" run_tests cpu-release -C outcome -L outcome
    ;;
  --asan) exec "$root/scripts/sanitize.sh" ;;
  --lint) exec "$root/scripts/lint.sh" ;;
  --format) exec "$root/scripts/lint.sh" --fix-format ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
summary
