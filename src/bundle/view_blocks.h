// bundle/view_blocks.h — the diagonal blocks of a reduced system that is never formed: Schur-Jacobi. Private to
// bundle/. Source: Agarwal, Snavely, Seitz, Szeliski, Bundle adjustment in the large (2010), sec. 4.3. Legend:
// implicit_steps.h;  D_v = 1 + lambda - sum over the observations o of view v of E_o C^-1 E_o', E_o = A_o'B_o.
#pragma once
#include <span>
#include <vector>

#include "base/parallel.h"
#include "bits/half.h"
#include "reproject/layout.h"

namespace pipit {

/// Cholesky factors of D, in fp64; z = D^-1 r.
class ViewBlocks {
 public:
  /// J scaled by blocks, [groups, R, C + 3, 16]; inverse [points + 1, 6]: C^-1. Cost: two or three products with S.
  template <class S, class V>
  void compute(const BundleLayout& layout, const S* J, std::span<const V> inverse, double lambda, Workers& workers);
  template <class V>
  void divide(std::span<const V> r, std::span<V> z) const;

 private:
  std::size_t columns_ = 0;
  std::vector<double> L_;  // [views, C, C] by rows, the diagonal inverted
};

}  // namespace pipit
