# Rows of docs/results.csv from one finished run: metrics.json, and history.csv for a score between two phases.
# awk -v key=section,data,method,variant,seed -v date=... -v commit=... -f results_rows.awk metrics.json [history.csv]
function row(feature, at, suffix,   i, line, name) {
  line = key "," feature "," date "," commit
  for (i = 1; i <= scores; i++) {
    name = score[i]
    if (suffix != "" && name == "acc") name = "accuracy"
    line = line "," value[at name suffix]
  }
  print line "," value[(at == "scores." ? "label_free." : at) "silhouette"]
}
BEGIN { scores = split("acc nmi ari purity f precision recall", score, " ") }
# metrics.json has one "key": value on a line; opening braces and brackets nest
FILENAME ~ /json$/ {
  name = $0
  if (sub(/^ *"/, "", name)) sub(/".*/, "", name); else name = ""
  if ($0 ~ /[{[]$/) { path[++depth] = name; next }
  if ($0 ~ /^ *[}\]],?$/) { depth--; next }
  where = ""
  for (i = 2; i <= depth; i++) where = where path[i] "."
  text = $0
  sub(/^ *"[^"]*": /, "", text)
  gsub(/[",]/, "", text)
  if (text == "null") text = ""
  value[where name] = text
  if (path[2] == "features" && depth == 3 && !(path[3] in seen)) { seen[path[3]] = 1; feature[++features] = path[3] }
  next
}
# the score at the end of DistilMVC's second stage, before distillation
FNR == 1 { n = split($0, head, ","); for (i = 1; i <= n; i++) column[head[i]] = i; next }
split($0, cell, ",") && cell[1] == "stage2" && cell[column["fused.acc"]] != "" {
  for (i = 1; i <= scores; i++) value["stage2." score[i]] = cell[column["fused." score[i]]]
}
END {
  if (value["scores.accuracy.mean"] != "") { row("test", "scores.", ".mean"); exit }
  if (value["best_view.silhouette"] != "") { for (i = 1; i <= features; i++) row(feature[i], "features." feature[i] "."); exit }
  row("fused", "scores.")
  if (value["stage2.acc"] != "") row("stage2", "stage2.")
}
