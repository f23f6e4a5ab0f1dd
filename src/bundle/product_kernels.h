// bundle/product_kernels.h — passes over a Jacobian J = (A, B), views and points, on every instruction set. Private to
// bundle/.
#pragma once
#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "bits/format.h"
#include "bits/half.h"
#include "reproject/layout.h"

namespace pipit {

enum class Pass : std::uint8_t {
  AllToAll,       ///< w = A p + B x;  q = A'w, B'w to points
  ViewsToPoints,  ///< w = A p;        B'w to points
  AllToViews,     ///< w = A p + B x;  q = A'w
};

template <class V>
struct PassVectors {
  const V* p = nullptr;  ///< [views, C], then x [points + 1, 4], aligned
  V* q = nullptr;        ///< [views, C]
  V* shares = nullptr;   ///< [slots, 4] what each observation adds to its point, where find_share_places says; or
  V* direct = nullptr;   ///< [points + 1, 4], where it is added at once
  V* w = nullptr;        ///< [groups, R, 16] or null
};

/// Over views [begin, end); yields the sum of w^2. AllToAll in half rounds w to half and adds up as `sums` says; the
/// others keep w and add up in V.
double jacobian_pass(Pass pass, Accumulate sums, const BundleLayout&, const half* J, const PassVectors<float>&, Range);
double jacobian_pass(Pass pass, Accumulate sums, const BundleLayout&, const float* J, const PassVectors<float>&, Range);
double jacobian_pass(
    Pass pass, Accumulate sums, const BundleLayout&, const double* J, const PassVectors<double>&, Range);

/// Where the share of each of layout.point_slots stands.
template <class V>
void find_share_places(const BundleLayout& layout, std::span<std::int32_t> places);
/// q [points, 4] of points [begin, end): the sums of their shares.
void sum_shares(const BundleLayout&, const std::int32_t* places, const float* shares, float* q, Range);
void sum_shares(const BundleLayout&, const std::int32_t* places, const double* shares, double* q, Range);

/// blocks [points + 1, 6] += B'B: 00 10 20 11 21 22.
void add_point_blocks(const BundleLayout&, const half* J, float* blocks);
void add_point_blocks(const BundleLayout&, const float* J, float* blocks);
void add_point_blocks(const BundleLayout&, const double* J, double* blocks);

}  // namespace pipit
