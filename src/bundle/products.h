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
#include "bundle/product_kernels.h"
#include "factor/aligned.h"
#include "reproject/layout.h"

namespace pipit {

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
  /// p as the operand that it will be: half rounds it. Who goes along what was multiplied, and not along what was
  /// meant, keeps x and J x together: else every rounding of p leaves noise in directions that J hardly sees.
  void round(std::span<V> p);
  /// q = (J'J + lambda) p; yields p'q. Threads: same bits for any number.
  double operator()(std::span<const V> p, V lambda, std::span<V> q);

  /// The two halves of a product with points eliminated (J = (A, B); p, q [views, C]; x, y [points, 4]). Only J is in
  /// half: what is rounded here is amplified by every direction that J hardly sees.
  /// y = B'A p.
  void to_points(std::span<const V> p, std::span<V> y);
  /// q = A'(A p + B x); yields |A p + B x|^2.
  double to_views(std::span<const V> p, std::span<const V> x, std::span<V> q);
  /// blocks [points + 1, 6] += B'B: 00 10 20 11 21 22.
  void add_point_blocks(std::span<V> blocks) const { pipit::add_point_blocks(layout_, J_, blocks.data()); }
  const S* jacobian() const { return J_; }
  /// J p of the last product, [groups, R, 16]; kept where `keep_w` was set before it.
  bool keep_w = false;
  AlignedVector<V> w;

 private:
  V load_operand(std::span<const V> p);  // into p_; yields what p was divided by
  double pass(Pass kind, V* views, V* points);
  std::size_t views_size() const {
    return static_cast<std::size_t>(layout_.views) * static_cast<std::size_t>(layout_.columns);
  }
  const V* loaded_ = nullptr;  // the p that round() has loaded, divided by scale_
  V scale_ = 1;

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
