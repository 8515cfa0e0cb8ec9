// Kernel of the renaming of pseudo-labels (DistilMVC 4.4).
#pragma once
#include "../tensor/launch.h"
#include "../tensor/small.h"

namespace parallax {

// Per view: table of the network's classes against the pseudo-labels, the matching with the most agreeing samples
// (shortest augmenting paths with potentials, as cluster/hungarian.cpp; the first minimum wins), and for every sample
// the class that its pseudo-label is matched with. Pairs without a common sample are undone, and clusters that are left
// over take the free classes in order of index.
template <class T> struct MatchClusters {
  const int64_t* network;               // [V * n]: arg-max of the network
  const int64_t* pseudo[kMaxProblems];  // [n] each
  int64_t* target;                      // [V * n]
  Mat<int32_t> count;                   // [V * K, K], zero
  Mat<double> work;                     // [V, 3 (K + 1)]: potentials of rows and columns, least reduced costs
  Mat<int32_t> links;                   // [V, 4 (K + 1)]: owner of a column, way to it, used, class of a cluster
  int64_t views, n, clusters;
  PLX_HD int64_t rows() const { return views; }
  PLX_HD int64_t width() const { return n * 8 + clusters * clusters * 64; }
  template <class Team> PLX_HD void operator()(Team team, int64_t view) const {
    const int64_t K = clusters, m = n;
    const int64_t *now = network + view * n, *old = pseudo[view];
    const Mat<int32_t> table{count.row(view * K), K, K, count.ld};
    team.each(K, [=](int64_t c) {
      for (int64_t i = 0; i < m; ++i)
        if (old[i] == c) ++table.row(now[i])[c];
    });
    double *u = work.row(view), *v = u + K + 1, *least = v + K + 1;
    int32_t *owner = links.row(view), *way = owner + K + 1, *used = way + K + 1, *name = used + K + 1;
    team.each(K + 1, [=](int64_t j) { u[j] = v[j] = 0, owner[j] = 0; });
    team.sync();
    constexpr double kFar = 1e300;
    for (int64_t i = 1; i <= K; ++i) {  // index 0 of the columns is the entering row's
      if (team.leader()) owner[0] = static_cast<int32_t>(i);
      team.each(K + 1, [=](int64_t j) { least[j] = kFar, used[j] = 0; });
      team.sync();
      int64_t at = 0;
      do {
        const int64_t row = owner[at];
        const double base = u[row];
        if (team.leader()) used[at] = 1;
        team.sync();
        team.each(K, [=](int64_t c) {
          const int64_t j = c + 1;
          if (used[j]) return;
          const double reduced = -static_cast<double>(table.row(row - 1)[c]) - base - v[j];
          if (reduced < least[j]) {
            least[j] = reduced;
            way[j] = static_cast<int32_t>(at);
          }
        });
        team.sync();
        const double delta =
            -team.template max<double>(K, [=](int64_t c) { return used[c + 1] ? -kFar : -least[c + 1]; });
        const int64_t next = -team.template max<int64_t>(
            K, [=](int64_t c) { return !used[c + 1] && least[c + 1] == delta ? -(c + 1) : -(K + 2); });
        team.each(K + 1, [=](int64_t j) {
          if (used[j]) {
            u[owner[j]] += delta;  // every used column has a row of its own
            v[j] -= delta;
          } else {
            least[j] -= delta;
          }
        });
        team.sync();
        at = next;
      } while (owner[at] != 0);
      team.sync();
      if (team.leader())
        for (; at; at = way[at]) owner[at] = owner[way[at]];
      team.sync();
    }
    if (team.leader()) {  // `used` now marks the classes that are taken
      for (int64_t j = 0; j <= K; ++j) used[j] = 0;
      for (int64_t c = 0; c < K; ++c) {
        const int32_t a = owner[c + 1] - 1;
        name[c] = table.row(a)[c] > 0 ? a : -1;
        if (name[c] >= 0) used[a] = 1;
      }
      int32_t free = 0;
      for (int64_t c = 0; c < K; ++c) {
        if (name[c] >= 0) continue;
        while (used[free]) ++free;
        name[c] = free++;
      }
    }
    team.sync();
    int64_t* out = target + view * n;
    team.each(n, [=](int64_t i) { out[i] = name[old[i]]; });
  }
};
PLX_KERNEL(MatchClusters)

}  // namespace parallax
