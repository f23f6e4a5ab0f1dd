// bundle/elimination.h — points out of the normal equations: what is left is about the views alone.
// Source: Triggs, McLauchlan, Hartley, Fitzgibbon, Bundle Adjustment: A Modern Synthesis (2000), sec. 6.1.
// Legend: U, W, V blocks of J'J (views, views by points, points); V + lambda diag V = L L', Y = W L^-T, z = L^-1 gp;
//   S = U + lambda diag U - Y Y'   reduced matrix, right-hand side g - Y z;   dp = -L^-T (z + Y' dc)
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "bits/block_symmetric.h"
#include "factor/block_matrix.h"
#include "reproject/linearise.h"

namespace pipit {

/// Of one structure; keeps its memory. T: float or double, of W, Y and S. V, L and z are fp64.
template <class T>
class Elimination {
 public:
  Elimination(const BundleLayout& layout, Workers& workers);

  /// Which views see points together.
  const std::shared_ptr<const BlockPattern>& pattern() const { return S_.shared_pattern(); }

  /// Needs records with W, fresh from linearise(): Y takes the place of W. Diagonals of zero are damped as if they were
  /// one, so that what nobody sees stays where it is. Yields false where a number is not finite.
  /// Cost    about 10 ns for each two observations of one point.   Same bits for any number of threads.
  bool reduce(Linearised<T>& parts, double lambda);

  const BlockSymmetric<T>& matrix() const { return S_; }
  std::span<const double> gradient() const { return gradient_; }  ///< [views * C]

  /// dp [points, 3] for dc [views * C], of the last reduce().
  void substitute(const Linearised<T>& parts, std::span<const double> dc, std::span<double> dp);
  /// diag U [views * C] and diag V [points, 3], ones where zero.
  std::span<const double> view_diagonal() const { return view_diagonal_; }
  std::span<const double> point_diagonal() const { return point_diagonal_; }
  /// Jp'r [points, 3].
  std::span<const double> point_gradient() const { return point_gradient_; }

 private:
  const BundleLayout& layout_;
  Workers& workers_;
  RecordShape shape_;
  BlockSymmetric<T> S_;
  BlockRowIndex rows_;
  std::vector<double> gradient_, view_diagonal_, point_diagonal_, point_gradient_;
  std::vector<double> factors_;  // [points, 6] L by columns
  std::vector<double> z_;        // [points, 3]
  struct Bench {
    std::vector<std::int32_t> place;  // [views] of a view in the row of blocks that is being summed
    AlignedVector<T> sums;
  };
  std::vector<Bench> benches_;  // one per part
};

}  // namespace pipit
