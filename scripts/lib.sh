# Shared by the scripts: where the tree is, how a stage is run and timed, how a preset is built.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# the processors that this process may use
jobs=${PLX_JOBS:-$(nproc)}
stages=()
# the CUDA toolkit's usual place, where it is not in PATH
if ! command -v nvcc >/dev/null && [ -x /usr/local/cuda/bin/nvcc ]; then PATH=$PATH:/usr/local/cuda/bin; fi

say() { printf '%s\n' "== $*"; }

# stage NAME COMMAND...: runs it and notes wall and processor seconds; its failure ends the script
stage() {
  local name=$1 start before after line
  shift
  say "$name"
  start=$(date +%s)
  cpu_seconds
  before=$cpu
  "$@" </dev/null
  cpu_seconds
  after=$cpu
  line=$(printf '%-28s %5d s, %5d s of processor time' "$name" $(($(date +%s) - start)) $((after - before)))
  stages+=("$line")
  say "$line"
}
# cpu=user + system seconds of the children that ended (asked in this shell: a subshell has children of its own)
cpu=0
cpu_seconds() {
  local f="${TMPDIR:-/tmp}/plx-times-$$"
  times >"$f"
  awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); s += 60 * t[1] + t[2] } printf "%d", s }' "$f" >"$f.sum"
  cpu=$(cat "$f.sum")
  rm -f "$f" "$f.sum"
}
summary() {
  say "stages"
  local line
  for line in "${stages[@]}"; do printf '   %s\n' "$line"; done
}

# configure_build PRESET [cmake arguments...]: builds ${targets[@]}, by default everything
targets=(all)
configure_build() {
  local preset=$1
  shift
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  cmake --preset "$preset" "${launcher[@]}" "$@" >"$(log_of "$preset")" || { cat "$(log_of "$preset")"; return 1; }
  cmake --build "build/$preset" --parallel "$jobs" --target "${targets[@]}"
}
log_of() {
  mkdir -p build
  printf 'build/configure-%s.log' "$1"
}

# run_tests PRESET LABELS...: ctest with its closing lines; tests that were skipped are listed by name
run_tests() {
  local preset=$1 status=0
  shift
  ctest --test-dir "build/$preset" --parallel "$jobs" --output-on-failure --no-tests=error "$@" || status=$?
  list_skipped "build/$preset/Testing/Temporary/LastTest.log"
  return "$status"
}
list_skipped() {
  local names
  names=$(sed -nE 's/^\[  SKIPPED \] ([A-Za-z0-9_/.]+) \(.*/\1/p' "$1" 2>/dev/null | sort -u || true)
  if [ -n "$names" ]; then
    say "skipped: $(printf '%s\n' "$names" | wc -l) cases; their reference data (PLX_SHARED_DATA, ../shared beside the source tree) or a tool is not here"
    printf '%s\n' "$names" | sed 's/^/   skipped /'
  fi
}
