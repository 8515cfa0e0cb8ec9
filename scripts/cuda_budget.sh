#!/usr/bin/env bash
# What one training step launches on a CUDA device, at each method's default widths, against tests/cuda/launches.csv: more is
# a failure, less asks for a lower bound. Where the launcher counts memory accesses (a CUEMU_REPORT comes out), every kernel that
# moves more than 1 MB must use 90 % of the sectors it touches, with less than 6 % bank conflicts.
#   scripts/cuda_budget.sh [LAUNCHER...] BENCH_STEPS     e.g. build/cuemu/cuemu --no-check build/cuda-check/bin/bench_steps
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
report=$(mktemp)
trap 'rm -f "$report"' EXIT
counts=$(CUEMU_REPORT=$report "$@" --device cuda --count)  # ends with 77 where there is no device
bad=
printf '%s\n' "$counts" | awk -F, '
  NR == FNR { if ($1 !~ /^#/ && $1 != "method") bound[$1 "," $2] = $3; next }
  $1 == "method" || NF < 5 { next }
  {
    key = $1 "," $2
    seen[key] = 1
    if (!(key in bound)) { print "no bound for " key " (" $5 " launches)"; bad = 1 }
    else if ($5 > bound[key]) { print key ": " $5 " launches, the bound is " bound[key]; bad = 1 }
    else print key ": " $5 " launches (kernels " $3 ", library " $4 "), bound " bound[key]
  }
  END {
    for (key in bound) if (!(key in seen)) { print "nothing was counted for " key; bad = 1 }
    exit bad
  }' "$root/tests/cuda/launches.csv" - || bad=1
[ ! -s "$report" ] || awk '
  function of(name) { return match($0, "\"" name "\": [0-9]+") ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4) + 0 : 0 }
  /"launches": [0-9]+, "blocks"/ {
    bytes = of("global_load_bytes") + of("global_store_bytes"); sectors = of("global_load_sectors") + of("global_store_sectors")
    if (bytes < 1e6 * of("launches")) next
    kernels++
    used = bytes / (32 * sectors); waves = of("shared_wavefronts"); conflicts = waves ? of("shared_bank_conflicts") / waves : 0
    if (used < 0.9 || conflicts >= 0.06) { printf "%s: uses %.0f %% of its sectors, %.1f %% bank conflicts\n", $1 " " $2 " " $3, 100 * used, 100 * conflicts; bad = 1 }
  }
  END {
    print kernels + 0 " kernels of more than 1 MB looked at"
    exit bad || !kernels
  }' "$report" || bad=1
[ -z "$bad" ]
