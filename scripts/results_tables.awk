# Rewrites the tables of docs/results.md (between "<!-- table NAME -->" and "<!-- end -->"; everything else is kept).
# awk -f results_tables.awk scripts/results.notes docs/results.csv docs/results.md
function trim(s) { gsub(/^ +| +$/, "", s); return s }
# mean and sample deviation in percent
function cell(g, s,   m, d) {
  if (!(count[g, s])) return ""
  m = sum[g, s] / count[g, s]
  if (count[g, s] == 1) return sprintf("%.1f", 100 * m)
  d = (squares[g, s] - count[g, s] * m * m) / (count[g, s] - 1)
  return sprintf("%.1f ± %.1f", 100 * m, 100 * sqrt(d > 0 ? d : 0))
}
function mean(g, s) { return count[g, s] ? sum[g, s] / count[g, s] : -1 }
function note(data, method, variant, what) {
  if ((data, method, variant, what) in notes) return notes[data, method, variant, what]
  return notes[data, method, "*", what]
}
function origin(g) { return runs[g] " | " date[g] " | " commits[g] }

function scores_table(sections,   m, i, g, p) {
  print "| method | data | profile | ACC | NMI | ARI | purity | published | published program | gap | n | date | commit |"
  print "|---|---|---|---:|---:|---:|---:|---|---|---|---:|---|---|"
  for (m = 1; m <= methods; m++)
    for (i = 1; i <= groups; i++) {
      split(group[i], p, SUBSEP)
      if (index(sections, " " p[1] " ") == 0 || p[3] != method[m]) continue
      g = group[i]
      print "| " p[3] " | " p[2] " | " p[4] (p[5] == "stage2" ? ", before stage 3" : "") " | " cell(g, "acc") " | " cell(g, "nmi") " | " \
        cell(g, "ari") " | " cell(g, "purity") " | " note(p[2], p[3], (p[5] == "stage2" ? p[5] : p[4]), "published") " | " \
        note(p[2], p[3], (p[5] == "stage2" ? p[5] : p[4]), "program") " | " note(p[2], p[3], (p[5] == "stage2" ? p[5] : p[4]), "text") " | " origin(g) " |"
    }
}
function classify_table(   i, g, p) {
  print "| method | data | profile | accuracy | precision | recall | F | NMI | published program | gap | n | date | commit |"
  print "|---|---|---|---:|---:|---:|---:|---:|---|---|---:|---|---|"
  for (i = 1; i <= groups; i++) {
    split(group[i], p, SUBSEP)
    g = group[i]
    if (p[1] == "classify")
      print "| gmae | " p[2] " | " p[4] " | " cell(g, "acc") " | " cell(g, "precision") " | " cell(g, "recall") " | " cell(g, "f") " | " \
        cell(g, "nmi") " | " note(p[2], p[3], p[4], "program") " | " note(p[2], p[3], p[4], "text") " | " origin(g) " |"
  }
}
function ablation_table(   i, g, p, k, v, part, data, full) {
  print "| data | loss | ACC | NMI | ARI | n | date | commit |"
  print "|---|---|---:|---:|---:|---:|---|---|"
  for (k = 1; k <= split("Handwritten Digits-2V", data, " "); k++)
    for (v = 1; v <= split("DDC DDC+FDL DDC+CDL sound", part, " "); v++)
      for (i = 1; i <= groups; i++) {
        split(group[i], p, SUBSEP)
        g = group[i]
        if (p[2] == data[k] && p[3] == "ddmc" && p[4] == part[v])
          print "| " p[2] " | " (p[4] == "sound" ? "full" : p[4]) " | " cell(g, "acc") " | " cell(g, "nmi") " | " cell(g, "ari") " | " origin(g) " |"
      }
}
function baseline_table(   i, j, g, p, q, s, o, list) {
  print "| data | algorithm | side by side: ACC | NMI | ARI | best view by silhouette: ACC | best view, *oracle*: ACC | each view: ACC | n | date | commit |"
  print "|---|---|---:|---:|---:|---:|---:|---|---:|---|---|"
  for (i = 1; i <= groups; i++) {
    split(group[i], p, SUBSEP)
    if (p[1] != "baseline" || p[5] != "concat") continue
    g = group[i]; s = o = ""; list = ""
    for (j = 1; j <= groups; j++) {
      split(group[j], q, SUBSEP)
      if (q[1] != "baseline" || q[2] != p[2] || q[3] != p[3] || q[5] == "concat") continue
      if (s == "" || mean(group[j], "silhouette") > mean(s, "silhouette")) s = group[j]
      if (o == "" || mean(group[j], "acc") > mean(o, "acc")) o = group[j]
      list = list (list == "" ? "" : ", ") sprintf("%.1f", 100 * mean(group[j], "acc"))
    }
    print "| " p[2] " | " p[3] " | " cell(g, "acc") " | " cell(g, "nmi") " | " cell(g, "ari") " | " cell(s, "acc") " (" last(s) ") | " \
      cell(o, "acc") " (" last(o) ") | " list " | " origin(g) " |"
  }
}
function last(g,   p) { split(g, p, SUBSEP); return p[5] }
function find(data, m, variant,   i, p) {
  for (i = 1; i <= groups; i++) {
    split(group[i], p, SUBSEP)
    if (p[2] == data && p[3] == m && p[4] == variant && p[5] == "fused") return group[i]
  }
  return ""
}
function curve_table(data,   c, m, r, ratio, kind, line, any, g, n, when, by) {
  print "| corruption | method | 0 | 0.1 | 0.3 | 0.5 | n | date | commit |"
  print "|---|---|---:|---:|---:|---:|---:|---|---|"
  split("0 0.1 0.3 0.5", ratio, " ")
  for (c = 1; c <= split("noise missing conflict", kind, " "); c++)
    for (m = 1; m <= 3; m++) {
      line = "| " kind[c] " | " method[m]; any = 0; n = 0; when = by = ""
      for (r = 1; r <= 4; r++) {
        g = find(data, method[m], r == 1 ? "sound" : kind[c] "=" ratio[r])
        line = line " | " (g == "" ? "" : cell(g, "acc"))
        if (r > 1 && g != "") { any = 1; n = runs[g]; if (date[g] > when) when = date[g]; by = commits[g] }
      }
      if (any) print line " | " n " | " when " | " by " |"
    }
}

BEGIN { methods = split("sparsemvc gmae gdcn ddmc distilmvc", method, " ") }
FILENAME ~ /notes$/ {
  if ($0 ~ /^#/ || split($0, f, "|") < 6) next
  for (i = 1; i <= 6; i++) f[i] = trim(f[i])
  notes[f[1], f[2], f[3], "published"] = f[4]
  notes[f[1], f[2], f[3], "program"] = f[5]
  notes[f[1], f[2], f[3], "text"] = f[6]
  next
}
FILENAME ~ /csv$/ {
  n = split($0, f, ",")
  if (FNR == 1) { for (i = 1; i <= n; i++) name[i] = f[i]; next }
  g = f[1] SUBSEP f[2] SUBSEP f[3] SUBSEP f[4] SUBSEP f[6]
  if (!(g in runs)) group[++groups] = g
  runs[g]++
  if (f[7] > date[g]) date[g] = f[7]
  if (index(" " commits[g] " ", " " f[8] " ") == 0) commits[g] = commits[g] (commits[g] == "" ? "" : " ") f[8]
  for (i = 9; i <= n; i++)
    if (f[i] != "") { count[g, name[i]]++; sum[g, name[i]] += f[i]; squares[g, name[i]] += f[i] * f[i] }
  next
}
/^<!-- end -->/ { skip = 0 }
!skip { print }
/^<!-- table / {
  skip = 1
  print ""
  if ($3 == "small") scores_table(" small ")
  if ($3 == "large") scores_table(" large ")
  if ($3 == "classify") classify_table()
  if ($3 == "ablation") ablation_table()
  if ($3 == "baselines") baseline_table()
  if ($3 == "curves") curve_table($4)
  print ""
}
