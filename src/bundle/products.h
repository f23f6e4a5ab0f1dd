// bundle/products.h — J'J p of a scaled Jacobian that is never multiplied out, sixteen observations abreast.
// Source: papers.md A4 (products in fp16 between scaled operands), A2 and A11 (columns scaled by blocks).
// Legend: U = L L' of a view, V = L L' of a point; J <- J L^-T: then every view's and point's columns are orthonormal.
//   x = (views [views, C], points [points, 4], the fourth always zero)
#pragma once
#include <span>
#include <vector>

#include "base/parallel.h"
#include "bits/counters.h"
#include "bits/format.h"
#include "bits/half.h"
#include "bundle/linearise.h"

namespace pipit {

/// Where views share intrinsics, vectors hold them once for each view, all alike: y / sqrt(views) of each camera, so
/// that inner products come out right. This brings any vector to the nearest such one: the mean over a camera's views.
template <class V>
void tie_intrinsics(const BundleLayout& layout, std::span<V> x);

/// Cholesky factors of the diagonal blocks of J'J, in fp64.
struct BlockFactors {
  std::vector<double> views;   ///< [views, C, C] L, lower, by rows
  std::vector<double> points;  ///< [points + 1, 6] L by columns; the last is the identity

  /// Of the blocks of `parts` plus `shift` times their diagonal, so that a block of a view that sees too little has a
  /// factor; rows that nobody sees get one. Without `on` all are the identity. Shared intrinsics get a block of their
  /// own, one for all views of a camera.
  template <class T>
  void compute(const BundleLayout& layout, const Linearised<T>& parts, bool on, std::span<double> point_gradient);
  /// x <- L^-1 x, x <- L^-T x. x is laid out as in the legend.
  void divide(const BundleLayout& layout, std::span<double> x) const;
  void divide_transposed(const BundleLayout& layout, std::span<double> x) const;
};

/// y = H x, H [n, n] by rows, symmetric; in fp32.
void dense_times(std::span<const float> H, std::span<const float> x, std::span<float> y);

/// J <- J L^-T in place.
template <class T>
void scale_jacobian(const BundleLayout& layout, const BlockFactors& factors, AlignedVector<T>& J, Workers& workers);

/// Products with one Jacobian at rest in S (half, float, double), vectors in V (float; double for double).
/// half: p and J p are rounded to half as well, p divided by a power of two first; sums as `accumulate` says.
template <class S>
class NormalProduct {
 public:
  using V = std::conditional_t<std::is_same_v<S, double>, double, float>;

  NormalProduct(const BundleLayout& layout, Accumulate accumulate, bool scale_vectors, Workers& workers);
  /// After the layout was built anew.
  void prepare();

  /// J [groups, R, C + 3, 16]. Another S than V: rounded once; the counters (may be null) see that and every operand p
  /// from now on.
  void load(std::span<const V> J, RangeCounters* counters);
  /// q = (J'J + lambda) p; yields p'q. Threads: same bits for any number.
  double operator()(std::span<const V> p, V lambda, std::span<V> q);
  /// J p of the last product, [groups, R, 16]; kept where `keep_w` was set before it.
  bool keep_w = false;
  AlignedVector<V> w;

 private:
  const BundleLayout& layout_;
  Accumulate accumulate_;
  bool scale_vectors_;
  Workers& workers_;
  RangeCounters* counters_ = nullptr;
  AlignedVector<S> rounded_, rounded_p_;
  const S* J_ = nullptr;
  AlignedVector<V> sums_;             // [points + 1, 4] q of points
  AlignedVector<V> p_;                // p as operand
  AlignedVector<V> shares_;           // [slots, 4] what each observation adds to its point
  std::vector<std::int32_t> places_;  // of point_slots: where in shares_
};

}  // namespace pipit
