#include "spectral.h"

#include <Spectra/SymEigsSolver.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "../tensor/launch.h"
#include "../tensor/log.h"
#include "eigen_device.h"
#include "kmeans.h"
#include "knn.h"

namespace parallax {
namespace {

constexpr int64_t kDenseRows = 400;       // below, the dense solver is as fast and has no convergence to speak of
constexpr int64_t kDenseFallback = 6000;  // above, a Lanczos run that fails is an error

// Symmetric matrix by rows.
struct Graph {
  std::vector<int64_t> start;  // [n + 1]
  std::vector<int32_t> to;
  std::vector<double> weight;
  int64_t n() const { return static_cast<int64_t>(start.size()) - 1; }
};

// w_ij = exp(-d_ij^2 / (sigma_i sigma_j)) where j is among the neighbours of i or i among those of j: the weight is
// symmetric in i and j, so max(W, W') is the union of the edges. Copies of a row (sigma = 0) are tied to each other
// alone, with weight 1.
Graph neighbour_graph(const Neighbours& near, int64_t width_rank) {
  struct Edge {
    int32_t from, to;
    double weight;
  };
  const auto n = static_cast<size_t>(near.n), k = static_cast<size_t>(near.k);
  const auto rank = static_cast<size_t>(std::clamp<int64_t>(width_rank, 1, near.k)) - 1;
  std::vector<Edge> edges;
  edges.reserve(2 * n * k);
  for (size_t i = 0; i < n; ++i)
    for (size_t m = 0; m < k; ++m) {
      const auto j = static_cast<size_t>(near.index[i * k + m]);
      const double square = near.squared[i * k + m],
                   width = std::sqrt(near.squared[i * k + rank]) * std::sqrt(near.squared[j * k + rank]);
      const double w = square == 0 ? 1.0 : (width > 0 ? std::exp(-square / width) : 0.0);
      if (w == 0) continue;
      edges.push_back({static_cast<int32_t>(i), static_cast<int32_t>(j), w});
      edges.push_back({static_cast<int32_t>(j), static_cast<int32_t>(i), w});
    }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.from != b.from ? a.from < b.from : (a.to != b.to ? a.to < b.to : a.weight > b.weight);
  });
  Graph g;
  g.start.push_back(0);
  size_t e = 0;
  for (size_t i = 0; i < n; ++i) {
    for (; e < edges.size() && edges[e].from == static_cast<int32_t>(i); ++e) {
      if (static_cast<int64_t>(g.to.size()) > g.start.back() && g.to.back() == edges[e].to) continue;
      g.to.push_back(edges[e].to);
      g.weight.push_back(edges[e].weight);
    }
    if (static_cast<int64_t>(g.to.size()) ==
        g.start.back()) {  // an isolated row is tied to itself: a component of its own
      g.to.push_back(static_cast<int32_t>(i));
      g.weight.push_back(1);
    }
    g.start.push_back(static_cast<int64_t>(g.to.size()));
  }
  return g;
}

// Component of every row, numbered by size, then by first row.
std::vector<int32_t> components_of(const Graph& g, int64_t* count) {
  const int64_t n = g.n();
  std::vector<int32_t> id(static_cast<size_t>(n), -1);
  std::vector<int64_t> sizes, stack;
  for (int64_t root = 0; root < n; ++root) {
    if (id[size_t(root)] >= 0) continue;
    const auto c = static_cast<int32_t>(sizes.size());
    sizes.push_back(0);
    id[size_t(root)] = c;
    stack.push_back(root);
    while (!stack.empty()) {
      const int64_t i = stack.back();
      stack.pop_back();
      ++sizes.back();
      for (int64_t e = g.start[size_t(i)]; e < g.start[size_t(i) + 1]; ++e)
        if (int32_t& other = id[size_t(g.to[size_t(e)])]; other < 0) {
          other = c;
          stack.push_back(g.to[size_t(e)]);
        }
    }
  }
  std::vector<int32_t> order(sizes.size()), place(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return sizes[size_t(a)] > sizes[size_t(b)]; });
  for (size_t p = 0; p < order.size(); ++p) place[size_t(order[p])] = static_cast<int32_t>(p);
  for (int32_t& c : id) c = place[size_t(c)];
  *count = static_cast<int64_t>(sizes.size());
  return id;
}

// S - 2 sum_c v_c v_c', S = D^-1/2 W D^-1/2 and v_c the known eigenvectors: their eigenvalue 1 becomes -1, the least of
// all.
class Deflated {
 public:
  using Scalar = double;
  Deflated(Context& ctx, const Graph& g, const std::vector<double>& inverse_root, const std::vector<int32_t>& component,
           const std::vector<double>& known, int64_t components)
      : ctx_(ctx), g_(g), inverse_root_(inverse_root), component_(component), known_(known), components_(components) {}
  Eigen::Index rows() const { return g_.n(); }
  Eigen::Index cols() const { return g_.n(); }
  void perform_op(const double* x, double* y) const {
    constexpr int64_t block = 2048;
    std::vector<double> along(static_cast<size_t>(components_), 0.0);
    for (int64_t i = 0; i < g_.n(); ++i) along[size_t(component_[size_t(i)])] += known_[size_t(i)] * x[i];
    ctx_.parallel((g_.n() + block - 1) / block, [&](int64_t b) {
      for (int64_t i = b * block; i < std::min(g_.n(), (b + 1) * block); ++i) {
        double sum = 0;
        for (int64_t e = g_.start[size_t(i)]; e < g_.start[size_t(i) + 1]; ++e)
          sum += g_.weight[size_t(e)] * inverse_root_[size_t(g_.to[size_t(e)])] * x[g_.to[size_t(e)]];
        y[i] = inverse_root_[size_t(i)] * sum - 2 * known_[size_t(i)] * along[size_t(component_[size_t(i)])];
      }
    });
  }

 private:
  Context& ctx_;
  const Graph& g_;
  const std::vector<double>& inverse_root_;
  const std::vector<int32_t>& component_;
  const std::vector<double>& known_;
  int64_t components_;
};

// leading() of a dense matrix, on a device. False where its library is missing, which the log says.
bool leading_on_device(Context& ctx, Eigen::MatrixXd& dense, int64_t count, Eigen::VectorXd& values,
                       Eigen::MatrixXd& vectors) {
  const int64_t n = dense.rows();
  const ScratchScope scope(ctx);
  Tensor a = Tensor::empty(ctx, DType::f64, {n, n}), w = Tensor::empty(ctx, DType::f64, {1, n});
  a.copy_from(Tensor::borrow(dense.data(), DType::f64, {n, n}));
  std::string unavailable;
  run_device(ctx, cluster_detail::LargestEigenpairs{a.ptr<double>(), w.ptr<double>(), n, count, &unavailable});
  if (!unavailable.empty()) {
    log_info(str("spectral clustering: ", unavailable, "; the host solves the eigenproblem"));
    return false;
  }
  values.resize(count);
  vectors.resize(n, count);
  Tensor::borrow(values.data(), DType::f64, {1, count}).copy_from(w.col_range(0, count));
  Tensor::borrow(vectors.data(), DType::f64, {count, n}).copy_from(a.row_range(0, count));
  values.reverseInPlace();
  vectors = vectors.rowwise().reverse().eval();
  return true;
}

// The `count` largest eigenvalues of the operator, descending, and their vectors as columns.
void leading(Context& where, Deflated& op, int64_t count, Eigen::VectorXd& values, Eigen::MatrixXd& vectors) {
  const int64_t n = op.rows();
  if (n > kDenseRows && 2 * count + 20 < n) {
    Spectra::SymEigsSolver<Deflated> solver(op, count, std::min(n, 2 * count + 20));
    Eigen::VectorXd start(n);
    Draw<float> draw{0, tag_of("spectral start")};
    for (int64_t i = 0; i < n; ++i) start[i] = static_cast<double>(draw.uniform(i, 0)) - 0.5;
    solver.init(start.data());
    if (solver.compute(Spectra::SortRule::LargestAlge, 1000, 1e-10) == count) {
      values = solver.eigenvalues();
      vectors = solver.eigenvectors();
      return;
    }
    PLX_CHECK(numeric, n <= kDenseFallback, "spectral clustering: Lanczos did not converge for ", count,
              " eigenvectors of ", n, " rows");
    log_info(str("spectral clustering: Lanczos did not converge, the dense solver is used for ", n, " rows"));
  }
  Eigen::MatrixXd dense(n, n);
  Eigen::VectorXd unit = Eigen::VectorXd::Zero(n);
  for (int64_t j = 0; j < n; ++j) {
    unit[j] = 1;
    op.perform_op(unit.data(), dense.col(j).data());
    unit[j] = 0;
  }
  if (where.backend() && leading_on_device(where, dense, count, values, vectors)) return;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(dense);
  PLX_CHECK(numeric, solver.info() == Eigen::Success, "spectral clustering: the dense solver did not converge for ", n,
            " rows");
  values = solver.eigenvalues().tail(count).reverse();
  vectors = solver.eigenvectors().rightCols(count).rowwise().reverse();
}

// Sign: the entry of largest magnitude, the first of equals, is positive.
template <class V> void fix_sign(V&& v) {
  Eigen::Index at = 0;
  for (Eigen::Index i = 1; i < v.size(); ++i)
    if (std::abs(v[i]) > std::abs(v[at]) * (1 + 1e-9)) at = i;
  if (v[at] < 0) v = -v;
}

}  // namespace

SpectralResult spectral_clustering(Context& where, const Tensor& x, const SpectralOptions& o) {
  // What grows with the square of n is done where x lies: the neighbours, which are the CPU's to the last bit, and a
  // dense eigenproblem. A sparse one is the host's: the graph has a few entries a row, and few eigenvectors are wanted.
  Context& ctx = x.device() ? where.host() : where;
  const int64_t n = x.rows(), k = o.k;
  PLX_CHECK(config, k >= 1 && k <= n, "spectral clustering: ", k, " clusters of ", n, " rows were asked for");
  PLX_CHECK(config, o.neighbours >= 1, "spectral clustering: ", o.neighbours, " neighbours were asked for");
  SpectralResult result;
  result.embedding.assign(size_t(n * k), 0.0);
  if (n == 1) {
    result.labels = {0};
    result.eigenvalues = result.embedding = {1};
    result.components = 1;
    return result;
  }
  const Graph g = neighbour_graph(nearest_neighbours(where, x, std::min(o.neighbours, n - 1)), o.width_rank);
  const std::vector<int32_t> component = components_of(g, &result.components);
  std::vector<double> inverse_root(static_cast<size_t>(n)), known(static_cast<size_t>(n)),
      mass(static_cast<size_t>(result.components), 0.0);
  for (size_t i = 0; i < size_t(n); ++i) {
    double degree = 0;
    for (int64_t e = g.start[i]; e < g.start[i + 1]; ++e) degree += g.weight[size_t(e)];
    inverse_root[i] = 1 / std::sqrt(degree);
    known[i] = std::sqrt(degree);
    mass[size_t(component[i])] += degree;
  }
  for (size_t i = 0; i < size_t(n); ++i) known[i] /= std::sqrt(mass[size_t(component[i])]);
  // Y = D^-1/2 U
  const int64_t written = std::min(k, result.components), wanted = k - written;
  for (size_t i = 0; i < size_t(n); ++i)
    if (component[i] < written) result.embedding[i * size_t(k) + size_t(component[i])] = inverse_root[i] * known[i];
  result.eigenvalues.assign(size_t(written), 1.0);
  if (result.components > k)
    log_warning(str("spectral clustering: the neighbour graph has ", result.components, " components, more than the ",
                    k, " clusters asked for; only the largest are told apart"));
  if (wanted > 0) {
    Deflated op(ctx, g, inverse_root, component, known, result.components);
    Eigen::VectorXd values;
    Eigen::MatrixXd vectors;
    leading(where, op, wanted, values, vectors);
    for (int64_t c = 0; c < wanted; ++c) {
      fix_sign(vectors.col(c));
      result.eigenvalues.push_back(values[c]);
      for (int64_t i = 0; i < n; ++i)
        result.embedding[size_t(i * k + written + c)] = inverse_root[size_t(i)] * vectors(i, c);
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    double* y = result.embedding.data() + i * k;
    const double length = std::sqrt(std::inner_product(y, y + k, y, 0.0));
    if (length > 0)
      for (int64_t c = 0; c < k; ++c) y[c] /= length;
  }
  KMeansOptions means;
  means.k = k;
  means.restarts = o.restarts;
  means.seed = o.seed;
  means.tag = tag_of("spectral kmeans");
  result.labels = kmeans(ctx, Tensor::borrow(result.embedding.data(), DType::f64, {n, k}), means).labels;
  return result;
}

}  // namespace parallax
