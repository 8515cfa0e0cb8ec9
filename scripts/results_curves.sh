#!/usr/bin/env bash
# The robustness curves of docs/results.csv as one picture: accuracy over the corrupted share, a line through the means, a
# point for each seed. scripts/results_curves.sh CSV PNG
set -euo pipefail
csv=$1 png=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
plot="" rows=0
for data in Synthetic3d NGs; do
  # no curve of this set yet
  if ! grep -q "^curve,$data,.*=" "$csv"; then continue; fi
  rows=$((rows + 1))
  for kind in noise missing conflict; do
    lines=()
    for method in sparsemvc gmae gdcn; do
      file="$work/$data-$kind-$method"
      awk -F, -v d="$data" -v k="$kind" -v m="$method" '
        $2 != d || $3 != m || $6 != "fused" { next }
        $4 == "sound" { print 0, $9 }
        index($4, k "=") == 1 { print substr($4, length(k) + 2), $9 }' "$csv" | sort -n >"$file"
      # nothing to draw but the point 0
      if [ "$(cut -d' ' -f1 "$file" | uniq | wc -l)" -lt 2 ]; then continue; fi
      colour=$(case $method in sparsemvc) echo "#0072b2" ;; gmae) echo "#d55e00" ;; *) echo "#009e73" ;; esac)
      lines+=("'$file' using 1:2 smooth unique with lines lw 2 lc rgb '$colour' title '$method'")
      lines+=("'$file' using 1:2 with points pt 7 ps 0.7 lc rgb '$colour' notitle")
    done
    if [ ${#lines[@]} -eq 0 ]; then plot+="set multiplot next"$'\n'; continue; fi
    plot+="set title '$data, $kind'"$'\n'"plot $(IFS=,; echo "${lines[*]}")"$'\nunset key\n'  # the first names them
  done
done
[ "$rows" -gt 0 ] || { echo "no curves yet: $png is left as it is"; exit 0; }
cat >"$work/script" <<GNUPLOT
set terminal pngcairo size 1200,$((360 * rows)) font ",11"
set output '$png.part'
set multiplot layout $rows,3
set border 3 lc rgb '#404040'
set tics nomirror out scale 0.6
set xrange [-0.02:0.52]
set yrange [0:1]
set xtics 0.1
set grid ytics lt 1 lc rgb '#e4e4e4'
set key bottom left
set xlabel 'corrupted share'
set ylabel 'accuracy'
$plot
unset multiplot
GNUPLOT
gnuplot "$work/script"
mv "$png.part" "$png"
