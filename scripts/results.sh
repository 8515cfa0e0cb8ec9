#!/usr/bin/env bash
# Regenerates docs/results.md: makes the runs of scripts/results.list that are not finished, then the tables. Hours on two
# cores; can be interrupted and started again. A run is finished when its folder holds metrics.json, which is written last.
#   scripts/results.sh            runs and tables
#   scripts/results.sh --missing  the same without the runs that docs/results.csv has already, and tables
#   scripts/results.sh --status   what is finished, what is missing
#   scripts/results.sh --table    the tables alone, from the finished runs and from docs/results.csv
#   scripts/results.sh --only RE [--missing]  runs whose "section data method variant" match this regular expression, and tables
# PLX_RESULTS=DIR keeps the runs there (build/results), PLX_SHARED_DATA=DIR has the data sets (../shared), PLX_PARALLAX=FILE
# is the program (built if not given), PLX_RUN_THREADS=N threads a run (all; they never change a result).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
results=${PLX_RESULTS:-build/results}
shared=${PLX_SHARED_DATA:-../shared}
threads=${PLX_RUN_THREADS:-$jobs}
mode=run only=. known=
case "${1:-}" in
  "") ;;
  --missing) known=docs/results.csv ;;
  --status) mode=status ;;
  --table) mode=table ;;
  --only) only=${2:?a regular expression}; [ "${3:-}" != --missing ] || known=docs/results.csv ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

file_of() {
  if [ "$1" = multiple-features ]; then echo data/multiple-features.h5; else echo "$shared/datasets/$1.mat"; fi
}
# each COMMAND: calls it as COMMAND section data method variant seed options... for every run of the list
each() {
  local section data method variant seeds options seed words
  while IFS='|' read -r section data method variant seeds options; do
    read -ra words <<<"$section $data $method $variant $seeds"
    if [ ${#words[@]} -eq 0 ] || [ "${words[0]:0:1}" = '#' ]; then continue; fi
    [[ "${words[*]:0:4}" =~ $only ]] || continue
    read -ra options <<<"$options"
    for ((seed = ${words[4]%%..*}; seed <= ${words[4]##*..}; seed++)); do
      "$1" "${words[@]:0:4}" "$seed" "${options[@]//SEED/$seed}" </dev/null
    done
  done <scripts/results.list
}
folder_of() { echo "$results/$2/$3/$4/seed-$5"; }

missing=() failed=() stop=
trap 'stop=1' INT TERM
run_one() {
  local out file
  [ -z "$stop" ] || return 0
  out=$(folder_of "$@")
  [ ! -e "$out/metrics.json" ] || return 0
  if [ -n "$known" ] && grep -q "^$1,$2,$3,$4,$5," "$known"; then return 0; fi
  file=$(file_of "$2")
  if [ ! -e "$file" ]; then missing+=("$file"); return 0; fi
  mkdir -p "${out%/*}"
  say "$(date +%T) $2 $3 $4 seed $5"
  make_run "$out" "$file" "$@" >"$results/log.txt" 2>&1 && return 0
  [ -z "$stop" ] || return 0
  cp "$results/log.txt" "$out.log.txt"
  failed+=("$out"); tail -n 2 "$results/log.txt"
}
make_run() {
  local out=$1 file=$2 method=$5 seed=$7
  shift 7
  local common=(--data "$file" --seed "$seed" --threads "$threads" "$@")
  case "$method" in
    kmeans | ncuts) # prints a document; the folder is made of it
      start_folder "$out"
      "$parallax" "$method" --each-view --json "${common[@]}" >"$out/metrics.part" || return 1
      mv "$out/metrics.part" "$out/metrics.json" ;;
    *-classify)
      start_folder "$out"
      "$parallax" classify --method "${method%-classify}" --out "$out" --force "${common[@]}" ;;
    *) # scores along the way change nothing; those at the ends of the phases are always taken
      "$parallax" train --method "$method" --out "$out" --force --eval-every 1000000 "${common[@]}" ;;
  esac
}
# these commands do not note the program's version themselves
start_folder() {
  mkdir -p "$1"
  "$parallax" --version >"$1/version.txt"
}
status_one() {
  local state="missing "
  if [ -e "$(folder_of "$@")/metrics.json" ]; then state=finished; elif grep -q "^$1,$2,$3,$4,$5," docs/results.csv; then state="in table"; elif [ ! -e "$(file_of "$2")" ]; then state="no data "; fi
  echo "$state $1 $2 $3 $4 seed $5"
}

if [ "$mode" = status ]; then each status_one; exit 0; fi
if [ "$mode" = run ]; then
  parallax=${PLX_PARALLAX:-}
  if [ -z "$parallax" ]; then
    stage "install packages" scripts/install_deps.sh
    targets=(parallax_app parallax-hdf5)
    stage "build" configure_build cpu-release
    parallax=build/cpu-release/bin/parallax
  fi
  each run_one
fi

# docs/results.csv: rows of the finished runs of the list; of the others the rows that are there already
columns=section,data,method,variant,seed,feature,date,commit,acc,nmi,ari,purity,f,precision,recall,silhouette
collect_one() {
  local out key commit
  out=$(folder_of "$@")
  printf -v key '%s,' "${@:1:5}"
  if [ ! -e "$out/metrics.json" ]; then grep -F "$key" docs/results.csv | grep "^$key" || true; return 0; fi
  if [ -e "$out/version.txt" ]; then commit=$(awk '{ print $3 }' "$out/version.txt"); else commit=$(awk -F'"' '$2 == "commit" { print $4; exit }' "$out/config.json"); fi
  local files=("$out/metrics.json")
  if [ -e "$out/history.csv" ]; then files+=("$out/history.csv"); fi
  awk -v key="${key%,}" -v date="$(date -u -r "$out/metrics.json" +%F)" -v commit="$commit" -f scripts/results_rows.awk "${files[@]}"
}
say "tables"
only=.
[ -e docs/results.csv ] || echo "$columns" >docs/results.csv
{ echo "$columns"; each collect_one; } >docs/results.csv.part
mv docs/results.csv.part docs/results.csv
awk -f scripts/results_tables.awk scripts/results.notes docs/results.csv docs/results.md >docs/results.md.part
mv docs/results.md.part docs/results.md
scripts/results_curves.sh docs/results.csv docs/images/robustness.png
echo "docs/results.md, docs/results.csv, docs/images/robustness.png"
if [ ${#missing[@]} -gt 0 ]; then
  say "not here, and skipped (set PLX_SHARED_DATA):"
  printf '   %s\n' "${missing[@]}" | sort -u
fi
if [ ${#failed[@]} -gt 0 ]; then
  say "failed (FOLDER.log.txt says why):"
  printf '   %s\n' "${failed[@]}"
  exit 1
fi
[ -z "$stop" ] || { say "interrupted; started again it goes on"; exit 130; }
