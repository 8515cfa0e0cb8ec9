#!/usr/bin/env bash
# Registers, shared memory, stack and spills of every CUDA kernel for sm_80 and sm_90, as ptxas counts them: those of sm_90 when
# the preset cuda-check is built, those of sm_80 here.
#   scripts/cuda_registers.sh          compares with docs/cuda-registers.csv; a few registers (8) differ from build to build
#   scripts/cuda_registers.sh --write  writes that table
# Compared only under the compiler version that the table names: other versions allocate otherwise. A kernel that spills is an error.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case "${1:-}" in "" | --write) ;; *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;; esac
command -v nvcc >/dev/null || { echo "nvcc is not in PATH: nothing to compare" >&2; exit 77; }
table=docs/cuda-registers.csv
work=build/registers
rm -rf "$work"
mkdir -p "$work"
targets=(parallax_cuda)
stage "sm_90: the module" configure_build cuda-check
sources=(src/*/*.cu build/cuda-check/generated/cuda/*.cu)
one() {
  local out
  out=$work/$(basename "$1").txt
  nvcc -std=c++20 -O3 -DNDEBUG -DPLX_ISA=twins -diag-suppress=128,177 -Xcompiler=-ffp-contract=off -Xptxas=-v \
    -gencode arch=compute_80,code=sm_80 -fatbin -o /dev/null "$1" >"$out" 2>&1 || { cat "$out" >&2; return 1; }
}
export -f one
export work
stage "sm_80" bash -c 'printf "%s\n" "$@" | xargs -P '"$jobs"' -I{} bash -c "one {}"' sm_80 "${sources[@]}"
version=$(nvcc --version | sed -n 's/.*release .*, V//p')
{
  echo "# nvcc $version"
  echo "kernel,arch,registers,shared bytes,stack bytes,spill bytes"
  { cat "$work"/*.txt; printf 'build/cuda-check/CMakeFiles/parallax_cuda.dir/%s.o.ptxas\n' "${sources[@]#build/cuda-check/}" | xargs cat; } | c++filt | sed -E "s/.*entry function '([^']*)' for '(sm_[0-9]+)'.*/KERNEL \\2 \\1/" | awk '
    $1 == "KERNEL" {
      arch = $2; name = $0; sub(/^KERNEL sm_[0-9]+ /, "", name)
      gsub(/parallax::|twins::|cuda::|\(anonymous namespace\)::/, "", name); sub(/^void /, "", name); sub(/\(.*/, "", name); gsub(/ /, "", name)
    }
    /bytes stack frame/ { stack = $1; spill = $5 + $9 }
    /Used [0-9]+ registers/ {
      regs = $0; sub(/.*Used /, "", regs); sub(/ reg.*/, "", regs)
      smem = 0; if ($0 ~ /bytes smem/) { smem = $0; sub(/ bytes smem.*/, "", smem); sub(/.*[ ,]/, "", smem) }
      gsub(/,/, ";", name)
      print name "," arch "," regs "," smem "," stack "," spill
    }' | LC_ALL=C sort
} >"$work/table.csv"
awk -F, '$6 + 0 > 0 { print "spills: " $0; bad = 1 } END { exit bad }' "$work/table.csv" || { echo "kernels spill registers" >&2; exit 1; }
rows=$(grep -vc '^#' "$work/table.csv")
if [ "${1:-}" = --write ]; then
  cp "$work/table.csv" "$table"
  say "$rows rows written to $table"
elif [ "$(head -1 "$work/table.csv")" != "$(head -1 "$table")" ]; then
  say "the table is of $(head -1 "$table" | cut -c3-), this is nvcc $version: nothing was compared"
else
  # kernels that differ in their last template arguments share a name: sums over them
  awk -F, '
    /^#/ || $1 == "kernel" { next }
    { key = $1 "," $2; keys[key] = 1 }
    NR == FNR { n[key]++; regs[key] += $3; smem[key] += $4; next }
    { n2[key]++; regs2[key] += $3; smem2[key] += $4 }
    END {
      for (key in keys) {
        d = regs2[key] - regs[key]; if (d < 0) d = -d
        if (n2[key] != n[key] || d > 8 * n[key] || smem2[key] != smem[key]) {
          print key ": " n2[key] + 0 " kernels, registers " regs2[key] + 0 ", shared " smem2[key] + 0 "; the table has " n[key] + 0 ", " regs[key] + 0 ", " smem[key] + 0
          bad = 1
        }
      }
      exit bad
    }
  ' "$table" "$work/table.csv" ||
    { echo "registers changed: look, then scripts/cuda_registers.sh --write" >&2; exit 1; }
  say "$rows rows agree with $table"
fi
