#include "bundle/block_factors.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bundle/block_factors.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
using Sixteen = hn::CappedTag<V, kAbreast>;

/// Rows x of J to x L^-T, in place: x_c = (x_c - sum of L(c, b) x_b, b < c) / L(c, c).
template <class V>
HWY_ATTR void scale_views(
    const BundleLayout& layout, const double* view_factors, const double* point_factors, V* J, Range range) {
  const Sixteen<V> d;
  constexpr size_t N = hn::MaxLanes(d);
  const auto C = static_cast<std::size_t>(layout.columns), R = static_cast<std::size_t>(layout.rows);
  V L[kMostColumns * kMostColumns];
  for (std::size_t v = range.begin; v < range.end; ++v) {
    for (std::size_t i = 0; i < C * C; ++i) L[i] = static_cast<V>(view_factors[v * C * C + i]);
    for (std::size_t c = 0; c < C; ++c) L[c * C + c] = static_cast<V>(1 / view_factors[(v * C + c) * C + c]);
    for (auto group = static_cast<std::size_t>(layout.group_begin[v]);
         group < static_cast<std::size_t>(layout.group_begin[v + 1]);
         ++group) {
      alignas(64) V M[6][kAbreast];
      for (std::size_t i = 0; i < kAbreast; ++i) {
        const double* m = point_factors + static_cast<std::size_t>(layout.point[group * kAbreast + i]) * 6;
        for (std::size_t k = 0; k < 6; ++k) M[k][i] = static_cast<V>(k == 0 || k == 3 || k == 5 ? 1 / m[k] : m[k]);
      }
      for (std::size_t r = 0; r < R; ++r)
        for (std::size_t lane = 0; lane < kAbreast; lane += N) {
          V* row = J + (group * R + r) * (C + 3) * kAbreast + lane;
          for (std::size_t c = 0; c < C; ++c) {
            auto x = hn::Load(d, row + c * kAbreast);
            for (std::size_t b = 0; b < c; ++b)
              x = hn::NegMulAdd(hn::Set(d, L[c * C + b]), hn::Load(d, row + b * kAbreast), x);
            hn::Store(hn::Mul(x, hn::Set(d, L[c * C + c])), d, row + c * kAbreast);
          }
          V* point = row + C * kAbreast;
          hn::Vec<Sixteen<V>> m[6];
          for (int k = 0; k < 6; ++k) m[k] = hn::Load(d, M[k] + lane);
          const auto y0 = hn::Mul(hn::Load(d, point), m[0]);
          const auto y1 = hn::Mul(hn::NegMulAdd(m[1], y0, hn::Load(d, point + kAbreast)), m[3]);
          const auto y2 =
              hn::Mul(hn::NegMulAdd(m[4], y1, hn::NegMulAdd(m[2], y0, hn::Load(d, point + 2 * kAbreast))), m[5]);
          hn::Store(y0, d, point), hn::Store(y1, d, point + kAbreast), hn::Store(y2, d, point + 2 * kAbreast);
        }
    }
  }
}
void scale_views_f(const BundleLayout& l, const double* views, const double* points, float* J, Range r) {
  scale_views(l, views, points, J, r);
}
void scale_views_d(const BundleLayout& l, const double* views, const double* points, double* J, Range r) {
  scale_views(l, views, points, J, r);
}

HWY_ATTR void dense_times_f(const float* H, const float* x, float* y, std::size_t n) {
  const Sixteen<float> d;
  constexpr size_t N = hn::MaxLanes(d);
  for (std::size_t row = 0; row < n; ++row) {
    auto sum = hn::Zero(d);
    std::size_t c = 0;
    for (; c + N <= n; c += N) sum = hn::MulAdd(hn::LoadU(d, H + row * n + c), hn::LoadU(d, x + c), sum);
    float total = hn::GetLane(hn::SumOfLanes(d, sum));
    for (; c < n; ++c) total += H[row * n + c] * x[c];
    y[row] = total;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(dense_times_f);
HWY_EXPORT(scale_views_f);
HWY_EXPORT(scale_views_d);

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

constexpr std::size_t kViewGrain = 100;  // views: below, waking a thread costs more than it brings
constexpr double kShift = 1e-6;          // times the diagonal: ten roundings of fp32

}  // namespace

template <class V>
void tie_intrinsics(const BundleLayout& layout, std::span<V> x) {
  if (!layout.shares) return;
  const std::size_t C = at(layout.columns), I = at(layout.intrinsics);
  std::vector<double> sums(layout.views_with.size() * I);
  for (std::size_t v = 0; v < at(layout.views); ++v)
    for (std::size_t i = 0; i < I; ++i)
      sums[at(layout.camera_of[v]) * I + i] += static_cast<double>(x[v * C + kPoseColumns + i]);
  for (std::size_t v = 0; v < at(layout.views); ++v)
    for (std::size_t i = 0; i < I; ++i) {
      const std::size_t k = at(layout.camera_of[v]);
      x[v * C + kPoseColumns + i] = static_cast<V>(sums[k * I + i] / layout.views_with[k]);
    }
}
template void tie_intrinsics<float>(const BundleLayout&, std::span<float>);
template void tie_intrinsics<double>(const BundleLayout&, std::span<double>);

namespace {

/// Where intrinsics are shared: the block of each pose, and the mean block of its camera.
std::vector<double> diagonal_blocks(const BundleLayout& layout, const std::vector<double>& U) {
  std::vector<double> out = U;
  const std::size_t C = at(layout.columns), I = at(layout.intrinsics);
  std::vector<double> means(layout.views_with.size() * I * I);
  for (std::size_t v = 0; v < at(layout.views); ++v)
    for (std::size_t a = 0; a < I; ++a)
      for (std::size_t b = 0; b < I; ++b)
        means[(at(layout.camera_of[v]) * I + a) * I + b] +=
            U[(v * C + kPoseColumns + a) * C + kPoseColumns + b] / layout.views_with[at(layout.camera_of[v])];
  for (std::size_t v = 0; v < at(layout.views); ++v)
    for (std::size_t a = 0; a < C; ++a)
      for (std::size_t b = 0; b < C; ++b) {
        double& to = out[(v * C + a) * C + b];
        if (a >= kPoseColumns && b >= kPoseColumns)
          to = means[(at(layout.camera_of[v]) * I + a - kPoseColumns) * I + b - kPoseColumns];
        else if (a >= kPoseColumns || b >= kPoseColumns)
          to = 0;
      }
  return out;
}

}  // namespace

template <class T>
void BlockFactors::compute(const BundleLayout& layout,
                           const Linearised<T>& parts,
                           bool on,
                           std::span<double> point_gradient) {
  const int C = layout.columns;
  views.assign(parts.U.size(), 0.0);
  std::vector<double> shared;
  if (layout.shares) shared = diagonal_blocks(layout, parts.U);
  const std::vector<double>& blocks = layout.shares ? shared : parts.U;
  points.assign((at(layout.points) + 1) * 6, 0.0);
  for (int v = 0; v < layout.views; ++v) {
    const double* U = blocks.data() + at(v * C * C);
    double* L = &views[at(v * C * C)];
    for (int r = 0; r < C; ++r) {
      const double d = U[r * C + r], diagonal = on && d > 0 && std::isfinite(d) ? d * (1 + kShift) : 1;
      double left = diagonal;
      for (int c = 0; c < r && on; ++c) {
        double sum = U[r * C + c];
        for (int k = 0; k < c; ++k) sum -= L[r * C + k] * L[c * C + k];
        L[r * C + c] = sum / L[c * C + c];
        left -= L[r * C + c] * L[r * C + c];
      }
      L[r * C + r] = std::sqrt(left > 0 ? left : diagonal);
    }
  }
  const RecordShape shape{0};
  const std::size_t size = at(shape.size());
  for (std::size_t p = 0; p <= at(layout.points); ++p) {
    double V[9] = {};
    if (p < at(layout.points))
      for (std::int32_t k = layout.point_begin[p]; k < layout.point_begin[p + 1]; ++k) {
        const T* record = parts.records.data() + at(layout.point_slots[at(k)]) * size;
        for (int i = 0; i < 9; ++i) V[i] += static_cast<double>(record[i]);
      }
    if (p < at(layout.points)) std::copy_n(V + 6, 3, &point_gradient[3 * p]);
    double* L = &points[6 * p];
    const auto diagonal = [&](int k) { return V[k] > 0 && std::isfinite(V[k]) ? V[k] * (1 + kShift) : 1; };
    L[0] = L[3] = L[5] = 1;
    if (!on) continue;
    L[0] = std::sqrt(diagonal(0)), L[1] = V[1] / L[0], L[2] = V[2] / L[0];
    const double d1 = diagonal(3) - L[1] * L[1];
    L[3] = std::sqrt(d1 > 0 ? d1 : diagonal(3)), L[4] = (V[4] - L[1] * L[2]) / L[3];
    const double d2 = diagonal(5) - L[2] * L[2] - L[4] * L[4];
    L[5] = std::sqrt(d2 > 0 ? d2 : diagonal(5));
  }
}
template void BlockFactors::compute<float>(const BundleLayout&, const Linearised<float>&, bool, std::span<double>);
template void BlockFactors::compute<double>(const BundleLayout&, const Linearised<double>&, bool, std::span<double>);

void BlockFactors::divide(const BundleLayout& layout, std::span<double> x) const {
  const std::size_t C = at(layout.columns);
  for (std::size_t v = 0; v < at(layout.views); ++v) {
    const double* L = &views[v * C * C];
    double* y = &x[v * C];
    for (std::size_t r = 0; r < C; ++r) {
      for (std::size_t c = 0; c < r; ++c) y[r] -= L[r * C + c] * y[c];
      y[r] /= L[r * C + r];
    }
  }
  for (std::size_t p = 0; p < at(layout.points); ++p) {
    const double* L = &points[6 * p];
    double* y = &x[at(layout.views) * C + 4 * p];
    y[0] /= L[0], y[1] = (y[1] - L[1] * y[0]) / L[3], y[2] = (y[2] - L[2] * y[0] - L[4] * y[1]) / L[5];
  }
}

void BlockFactors::divide_transposed(const BundleLayout& layout, std::span<double> x) const {
  const std::size_t C = at(layout.columns);
  for (std::size_t v = 0; v < at(layout.views); ++v) {
    const double* L = &views[v * C * C];
    double* y = &x[v * C];
    for (std::size_t r = C; r-- > 0;) {
      for (std::size_t c = r + 1; c < C; ++c) y[r] -= L[c * C + r] * y[c];
      y[r] /= L[r * C + r];
    }
  }
  for (std::size_t p = 0; p < at(layout.points); ++p) {
    const double* L = &points[6 * p];
    double* y = &x[at(layout.views) * C + 4 * p];
    y[2] /= L[5], y[1] = (y[1] - L[4] * y[2]) / L[3], y[0] = (y[0] - L[1] * y[1] - L[2] * y[2]) / L[0];
  }
}

template <class T>
void scale_jacobian(const BundleLayout& layout, const BlockFactors& factors, AlignedVector<T>& J, Workers& workers) {
  for_ranges(workers, at(layout.views), kViewGrain, [&](Range range) {
    if constexpr (sizeof(T) == 4)
      HWY_DYNAMIC_DISPATCH(scale_views_f)(layout, factors.views.data(), factors.points.data(), J.data(), range);
    else
      HWY_DYNAMIC_DISPATCH(scale_views_d)(layout, factors.views.data(), factors.points.data(), J.data(), range);
  });
}
template void scale_jacobian<float>(const BundleLayout&, const BlockFactors&, AlignedVector<float>&, Workers&);
template void scale_jacobian<double>(const BundleLayout&, const BlockFactors&, AlignedVector<double>&, Workers&);

void dense_times(std::span<const float> H, std::span<const float> x, std::span<float> y) {
  expects(H.size() == x.size() * y.size() && x.size() == y.size(), "dense_times: sizes");
  HWY_DYNAMIC_DISPATCH(dense_times_f)(H.data(), x.data(), y.data(), x.size());
}

}  // namespace pipit
#endif  // HWY_ONCE
