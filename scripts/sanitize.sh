#!/usr/bin/env bash
# All tests but the slow ones under the address and undefined-behaviour sanitizers.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
stage "install packages" scripts/install_deps.sh
stage "build with sanitizers" configure_build cpu-asan
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
stage "tests with sanitizers" run_tests cpu-asan -LE outcome
summary
