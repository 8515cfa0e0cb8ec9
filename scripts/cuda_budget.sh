#!/usr/bin/env bash
# What one training step launches on a CUDA device, at each method's default widths, against tests/cuda/launches.csv: more is
# a failure, less asks for a lower bound. Where the launcher counts memory accesses (a CUEMU_REPORT comes out), also: what a
# step of each phase moves may be so many times the least that its buffers, weights and inputs need (tests/cuda/bytes.csv), and
# every kernel that moves more than 1 MB must use 90 % of the sectors it touches, with less than 5 % bank conflicts.
#   scripts/cuda_budget.sh [LAUNCHER...] BENCH_STEPS     e.g. build/cuemu/cuemu --no-check build/cuda-check/bin/bench_steps
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=
# NAME METHOD STEPS LAUNCHER...: counts to NAME.csv, the launcher's report to NAME.json; ends with 77 where there is no device
count() {
  local name=$1 method=$2 steps=$3
  shift 3
  CUEMU_REPORT=$work/$name.json "$@" --device cuda --count --method "$method" --steps "$steps" >"$work/$name.csv"
}
# bytes that kernels and libraries moved
moved() {
  awk '
    function of(name) { return match($0, "\"" name "\": [0-9]+") ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4) + 0 : 0 }
    /"launches": [0-9]+, "blocks"/ { sum += of("global_load_bytes") + of("global_store_bytes") }
    /"count": [0-9]+, "flops"/ { sum += of("bytes") }
    END { printf "%.0f", sum }' "$1"
}
for file in "$root"/src/mvc/methods/*.cpp; do
  method=$(basename "$file" .cpp)
  count "$method" "$method" 3 "$@"
  awk -F, '
    NR == FNR { if ($1 !~ /^#/ && $1 != "method") bound[$1 "," $2] = $3; next }
    $1 == "method" || NF < 5 { next }
    {
      key = $1 "," $2
      seen++
      if (!(key in bound)) { print "no bound for " key " (" $5 " launches)"; bad = 1 }
      else if ($5 > bound[key]) { print key ": " $5 " launches, the bound is " bound[key]; bad = 1 }
      else print key ": " $5 " launches (kernels " $3 ", library " $4 "), bound " bound[key]
    }
    END { for (key in bound) if (index(key, method ",") == 1) wanted++; if (!seen || seen != wanted) { print method ": " seen + 0 " phases were counted, there are " wanted + 0; bad = 1 } exit bad }
  ' method="$method" "$root/tests/cuda/launches.csv" "$work/$method.csv" || bad=1
  [ -s "$work/$method.json" ] || continue
  times=$(sed -n "s/^$method,//p" "$root/tests/cuda/bytes.csv")
  [ -n "$times" ] || { echo "$method: no bound on its bytes"; bad=1; continue; }
  count more "$method" 4 "$@"  # one step more of every phase
  awk -F, -v method="$method" -v bound="$times" -v moved="$(($(moved "$work/more.json") - $(moved "$work/$method.json")))" '
    $1 != "method" && NF > 5 { least += $6 }
    END {
      ratio = moved / least
      printf "%s: a step of every phase moves %.1f MB, %.2f times the least, bound %s\n", method, moved / 1e6, ratio, bound
      exit !(ratio > 0 && ratio <= bound)
    }' "$work/$method.csv" || bad=1
done
reports=("$work"/*.json)
[ ! -s "${reports[0]}" ] || awk '
  function of(name) { return match($0, "\"" name "\": [0-9]+") ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4) + 0 : 0 }
  FILENAME ~ /more.json$/ { next }
  /"launches": [0-9]+, "blocks"/ {
    bytes = of("global_load_bytes") + of("global_store_bytes"); sectors = of("global_load_sectors") + of("global_store_sectors")
    if (bytes < 1e6 * of("launches")) next
    kernels++
    used = bytes / (32 * sectors); waves = of("shared_wavefronts"); conflicts = waves ? of("shared_bank_conflicts") / waves : 0
    if (used < 0.9 || conflicts >= 0.05) { printf "%s: %s uses %.0f %% of its sectors, %.1f %% bank conflicts\n", FILENAME, substr($0, 1, index($0, "\": {")), 100 * used, 100 * conflicts; bad = 1 }
  }
  END {
    print kernels + 0 " kernels of more than 1 MB looked at"
    exit bad || !kernels
  }' "${reports[@]}" || bad=1
[ -z "$bad" ]
