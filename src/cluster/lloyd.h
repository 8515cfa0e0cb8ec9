// The restarts of k-means under way: Lloyd iterations in common passes over the data, and the refinement of the best
// ones.
#pragma once
#include "kmeans.h"
#include "kmeans_kernels.h"

namespace parallax::cluster_detail {

inline constexpr int64_t kFlightBytes = int64_t{1} << 28;  // working memory of the restarts that run together

template <class T> struct Restart {
  enum class State { active, last_pass, done } state = State::active;
  std::vector<double> centres, next, sums;  // [k, d]
  std::vector<int64_t> counts;              // [k]
  std::vector<T> scaled, half;
  int32_t *before = nullptr, *labels = nullptr;  // [n]
  int64_t iterations = 0;
  bool settled = false;  // stopped because the labels repeat
  double inertia = 0;
};

template <class T> class Lloyd {
 public:
  using List = std::vector<Restart<T>*>;
  Lloyd(Context& ctx, const Points<T>& points, const KMeansOptions& options);

  // Lloyd iterations from the centres of each restart to its end, then its inertia. tol as in KMeansOptions.
  void solve(const List& restarts, double tol);
  // Single-row moves until none lowers the inertia, see RowMoves; then Lloyd until the labels repeat.
  void refine(const List& restarts);
  // The sums were kept up to date by differences; once more from scratch, if the centres are means.
  void polish(Restart<T>& restart);

 private:
  std::vector<Slot<T>> slots(const List& list) const;
  std::vector<Slot<T>> scaled_slots(const List& list);
  void nearest(const List& list);                            // labels <- nearest centres
  void move(const List& list, std::vector<int64_t>& moved);  // sums and counts follow the labels
  void to_means(const List& list);                           // centres <- means of the labels, from scratch
  void update(const List& list, double tol);                 // new centres, and whether a restart ends
  void means(Restart<T>& r) const;
  void measure(const List& list);  // inertia

  Context& ctx_;
  const Points<T>& p_;
  const KMeansOptions& o_;
  size_t kd_;
};

}  // namespace parallax::cluster_detail
