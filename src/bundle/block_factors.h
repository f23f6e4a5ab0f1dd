// bundle/block_factors.h — columns of J scaled by blocks, so that those of a view, and of a point, are orthonormal.
// Source: papers.md A2 and A11 (right block-Jacobi scaling).
// Legend: U = L L' of a view, V = L L' of a point; J <- J L^-T: then every view's and point's columns are orthonormal.
//   x = (views [views, C], points [points, 4], the fourth always zero)
#pragma once
#include <span>
#include <vector>

#include "base/parallel.h"
#include "reproject/linearise.h"

namespace pipit {

/// Where views share intrinsics, vectors hold them once for each view, all alike: y / sqrt(views) of each camera, so
/// that inner products come out right. This brings any vector to the nearest such one: the mean over a camera's views.
template <class V>
void tie_intrinsics(const BundleLayout& layout, std::span<V> x);

/// Cholesky factors of the diagonal blocks of J'J, in fp64.
struct BlockFactors {
  std::vector<double> views;   ///< [views, C, C] L, lower, by rows
  std::vector<double> points;  ///< [points + 1, 6] L by columns; the last is the identity

  /// Of the blocks of `parts` plus a millionth of their diagonal, so that a block of a view that sees too little has
  /// a factor; rows that nobody sees get one. Without `on` all are the identity. Shared intrinsics get a block of their
  /// own, one for all views of a camera.
  template <class T>
  void compute(const BundleLayout& layout, const Linearised<T>& parts, bool on, std::span<double> point_gradient);
  /// x <- L^-1 x, x <- L^-T x. x is laid out as in the legend.
  void divide(const BundleLayout& layout, std::span<double> x) const;
  void divide_transposed(const BundleLayout& layout, std::span<double> x) const;
};

/// J <- J L^-T in place.
template <class T>
void scale_jacobian(const BundleLayout& layout, const BlockFactors& factors, AlignedVector<T>& J, Workers& workers);

/// y = H x, H [n, n] by rows, symmetric; in fp32.
void dense_times(std::span<const float> H, std::span<const float> x, std::span<float> y);

}  // namespace pipit
