#!/usr/bin/env bash
# What one training step launches on a CUDA device, at each method's default widths, against tests/cuda/launches.csv: more is
# a failure, less asks for a lower bound.
#   scripts/cuda_budget.sh [LAUNCHER...] BENCH_STEPS     e.g. build/cuemu/cuemu --no-check build/cuda-check/bin/bench_steps
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
counts=$("$@" --device cuda --count)  # ends with 77 where there is no device
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
  }' "$root/tests/cuda/launches.csv" -
