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
build_and_test() {
  stage "install packages" scripts/install_deps.sh
  stage "build" configure_build cpu-release "-DPLX_WERROR=$strict"
  stage "tests" run_tests cpu-release -LE outcome
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
