// factor/test_systems.h — generated least-squares systems shaped like pose graphs, for the tests and benchmarks of
// factor and sparse.
#pragma once
#include <Eigen/Dense>
#include <memory>
#include <utility>
#include <vector>

#include "base/random.h"
#include "bits/block_rows.h"
#include "factor/block_matrix.h"
#include "factor/pattern.h"

namespace pipit::testing {

using Edges = std::vector<std::pair<std::int32_t, std::int32_t>>;

inline Edges chain(int n) {
  Edges edges;
  for (int i = 0; i + 1 < n; ++i) edges.emplace_back(i, i + 1);
  return edges;
}

/// A path over a side x side floor, row by row and back, closing a loop wherever it passes its last row.
inline Edges grid(int side) {
  Edges edges = chain(side * side);
  const auto id = [&](int row, int column) { return row * side + (row % 2 == 0 ? column : side - 1 - column); };
  for (int row = 0; row + 1 < side; ++row)
    for (int column = 0; column < side; ++column)
      if (id(row + 1, column) != id(row, column) + 1) edges.emplace_back(id(row, column), id(row + 1, column));
  return edges;
}

/// A chain with `loops` random closures.
inline Edges random_loops(int n, int loops, std::uint64_t seed) {
  Edges edges = chain(n);
  Random random(seed);
  for (int k = 0; n > 1 && k < loops; ++k) {
    const auto i = static_cast<std::int32_t>(random.below(n)), j = static_cast<std::int32_t>(random.below(n));
    if (i != j) edges.emplace_back(i, j);
  }
  return edges;
}

/// J of relative measurements with random orientation and weights (translation metres, rotation radians), its H and g.
/// `anchor` adds a prior on block 0 (without it the system is singular: the gauge is free); the second slot is then -1.
struct System {
  int n = 0, B = 6;
  std::vector<std::int32_t> cols;  // [E, 2]
  std::vector<double> J64, r;      // [E, 2] blocks B x B; [E*B]
  std::vector<float> J32;
  std::shared_ptr<const BlockPattern> pattern;
  BlockSymmetric<double> H64;
  BlockSymmetric<float> H32;
  std::vector<double> gradient;

  BlockRows<double> rows64() const { return {static_cast<int>(cols.size()) / 2, B, 2, B, cols.data(), J64.data()}; }
  BlockRows<float> rows32() const { return {static_cast<int>(cols.size()) / 2, B, 2, B, cols.data(), J32.data()}; }
};

inline System make_system(int n, int B, const Edges& edges, std::uint64_t seed, bool anchor = true, double spread = 1) {
  using Matrix = Eigen::MatrixXd;
  System out;
  out.n = n, out.B = B;
  out.pattern = std::make_shared<const BlockPattern>(make_pattern(n, edges));
  out.H64 = BlockSymmetric<double>(out.pattern, B);
  out.H32 = BlockSymmetric<float>(out.pattern, B);
  out.gradient.assign(static_cast<std::size_t>(n) * B, 0.0);
  Random random(seed);
  const auto add_row = [&](std::int32_t i, std::int32_t j) {
    // J_j = W (I + small), J_i = -W (I + small): rigid motions nearly in the null space, as in a pose graph.
    Matrix W = Matrix::Zero(B, B), Ji(B, B), Jj(B, B);
    for (int r = 0; r < B; ++r) W(r, r) = std::pow(10.0, spread * random.uniform(0.5, 1.5)) * (r < B / 2 ? 1 : 5);
    for (int c = 0; c < B; ++c)
      for (int r = 0; r < B; ++r)
        Ji(r, c) = -(r == c) + 0.3 * random.normal(), Jj(r, c) = (r == c) + 0.1 * random.normal();
    Ji = W * Ji, Jj = W * Jj;
    Eigen::VectorXd residual(B);
    for (int r = 0; r < B; ++r) residual(r) = random.normal();
    out.cols.push_back(i), out.cols.push_back(j);
    out.J64.insert(out.J64.end(), Ji.data(), Ji.data() + B * B);
    out.J64.insert(out.J64.end(), Jj.data(), Jj.data() + B * B);
    out.r.insert(out.r.end(), residual.data(), residual.data() + B);
    using Map = Eigen::Map<Matrix>;
    using Segment = Eigen::Map<Eigen::VectorXd>;
    Map(out.H64.block(out.pattern->find(i, i)), B, B) += Ji.transpose() * Ji;
    Segment(out.gradient.data() + static_cast<std::ptrdiff_t>(i) * B, B) += Ji.transpose() * residual;
    if (j < 0) return;
    Map(out.H64.block(out.pattern->find(j, j)), B, B) += Jj.transpose() * Jj;
    Segment(out.gradient.data() + static_cast<std::ptrdiff_t>(j) * B, B) += Jj.transpose() * residual;
    Map(out.H64.block(out.pattern->find(i, j)), B, B) +=
        i > j ? Matrix(Ji.transpose() * Jj) : Matrix(Jj.transpose() * Ji);
  };
  if (anchor && n > 0) add_row(0, -1);
  for (const auto& [i, j] : edges) add_row(i, j);
  out.J32.assign(out.J64.begin(), out.J64.end());
  for (std::size_t k = 0; k < out.H64.values().size(); ++k)
    out.H32.values()[k] = static_cast<float>(out.H64.values()[k]);
  return out;
}

/// Positive definite also where a component has no anchor: a little damping is on the diagonal.
inline System make_damped_system(int n, int B, const Edges& edges, std::uint64_t seed) {
  System s = make_system(n, B, edges, seed, true);
  for (int j = 0; j < n; ++j)
    for (int r = 0; r < B; ++r) {
      double& d = s.H64.block(s.pattern->col_begin[j])[r * B + r];
      s.H32.block(s.pattern->col_begin[j])[r * B + r] = static_cast<float>(d += 0.5);
    }
  return s;
}

/// H + diag(damping), whole.
template <class T>
Eigen::MatrixXd dense(const BlockSymmetric<T>& H, std::span<const double> damping = {}) {
  const int B = H.B(), size = H.size();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(size, size);
  for (int j = 0; j < H.n(); ++j)
    for (int k = H.pattern().col_begin[j]; k < H.pattern().col_begin[j + 1]; ++k)
      for (int c = 0; c < B; ++c)
        for (int r = 0; r < B; ++r) {
          const int row = H.pattern().row[k] * B + r, col = j * B + c;
          out(row, col) = out(col, row) = static_cast<double>(H.block(k)[c * B + r]);
        }
  if (!damping.empty()) out.diagonal() += Eigen::Map<const Eigen::VectorXd>(damping.data(), size);
  return out;
}

}  // namespace pipit::testing
