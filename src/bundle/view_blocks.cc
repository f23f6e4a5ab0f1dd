#include "bundle/view_blocks.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bundle/view_blocks.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
using Sixteen = hn::CappedTag<V, kAbreast>;

/// Lower halves of the sums, [views, C, C].
template <int R, int C, class S, class V>
HWY_ATTR void sum_blocks(const BundleLayout& layout, const S* J, const V* inverse, double* out, Range range) {
  constexpr int K = C + 3;
  const Sixteen<V> d;
  constexpr size_t N = hn::MaxLanes(d);
  for (size_t v = range.begin; v < range.end; ++v) {
    alignas(64) V sums[C * (C + 1) / 2][kAbreast] = {};
    for (auto group = static_cast<size_t>(layout.group_begin[v]);
         group < static_cast<size_t>(layout.group_begin[v + 1]);
         ++group)
      for (size_t lane = 0; lane < kAbreast; lane += N) {
        const S* rows = J + group * R * K * kAbreast + lane;
        hn::Vec<Sixteen<V>> E[C][3], Y[C][3], B[R][3], c[6];
        alignas(64) V fields[6][N];
        for (size_t i = 0; i < N; ++i)
          for (size_t k = 0; k < 6; ++k)
            fields[k][i] = inverse[static_cast<size_t>(layout.point[group * kAbreast + lane + i]) * 6 + k];
        for (int k = 0; k < 6; ++k) c[k] = hn::Load(d, fields[k]);
        for (int r = 0; r < R; ++r)
          for (int k = 0; k < 3; ++k) B[r][k] = load_as(d, rows + (r * K + C + k) * kAbreast);
        for (int a = 0; a < C; ++a) {
          for (int k = 0; k < 3; ++k) E[a][k] = hn::Zero(d);
          for (int r = 0; r < R; ++r) {
            const auto x = load_as(d, rows + (r * K + a) * kAbreast);
            for (int k = 0; k < 3; ++k) E[a][k] = hn::MulAdd(x, B[r][k], E[a][k]);
          }
          Y[a][0] = hn::MulAdd(E[a][0], c[0], hn::MulAdd(E[a][1], c[1], hn::Mul(E[a][2], c[2])));
          Y[a][1] = hn::MulAdd(E[a][0], c[1], hn::MulAdd(E[a][1], c[3], hn::Mul(E[a][2], c[4])));
          Y[a][2] = hn::MulAdd(E[a][0], c[2], hn::MulAdd(E[a][1], c[4], hn::Mul(E[a][2], c[5])));
        }
        int n = 0;
        for (int a = 0; a < C; ++a)
          for (int b = 0; b <= a; ++b, ++n) {
            auto sum = hn::Load(d, sums[n] + lane);
            for (int k = 0; k < 3; ++k) sum = hn::MulAdd(Y[a][k], E[b][k], sum);
            hn::Store(sum, d, sums[n] + lane);
          }
      }
    int n = 0;
    for (int a = 0; a < C; ++a)
      for (int b = 0; b <= a; ++b, ++n) {
        double total = 0;
        for (const V x : sums[n]) total += static_cast<double>(x);
        out[(v * C + static_cast<size_t>(a)) * C + static_cast<size_t>(b)] = total;
      }
  }
}

template <class S, class V>
void any_blocks(const BundleLayout& layout, const S* J, const V* inverse, double* out, Range range) {
  with_columns(layout.columns, [&](auto columns) {
    constexpr int C = decltype(columns)::value;
    return layout.rows == 2 ? sum_blocks<2, C>(layout, J, inverse, out, range)
                            : sum_blocks<3, C>(layout, J, inverse, out, range);
  });
}
void blocks_h(const BundleLayout& layout, const half* J, const float* inverse, double* out, Range range) {
  any_blocks(layout, J, inverse, out, range);
}
void blocks_f(const BundleLayout& layout, const float* J, const float* inverse, double* out, Range range) {
  any_blocks(layout, J, inverse, out, range);
}
void blocks_d(const BundleLayout& layout, const double* J, const double* inverse, double* out, Range range) {
  any_blocks(layout, J, inverse, out, range);
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(blocks_h);
HWY_EXPORT(blocks_f);
HWY_EXPORT(blocks_d);

constexpr std::size_t kViewGrain = 100;  // views: below, waking a thread costs more than it brings
/// A view that sees only points of its own has no block left: so small a pivot is rounding of J in half.
constexpr double kLeastPivot = 1e-3;

void sum_some(const BundleLayout& layout, const half* J, const float* inverse, double* out, Range range) {
  HWY_DYNAMIC_DISPATCH(blocks_h)(layout, J, inverse, out, range);
}
void sum_some(const BundleLayout& layout, const float* J, const float* inverse, double* out, Range range) {
  HWY_DYNAMIC_DISPATCH(blocks_f)(layout, J, inverse, out, range);
}
void sum_some(const BundleLayout& layout, const double* J, const double* inverse, double* out, Range range) {
  HWY_DYNAMIC_DISPATCH(blocks_d)(layout, J, inverse, out, range);
}

}  // namespace

template <class S, class V>
void ViewBlocks::compute(
    const BundleLayout& layout, const S* J, std::span<const V> inverse, double lambda, Workers& workers) {
  const auto C = columns_ = static_cast<std::size_t>(layout.columns);
  L_.resize(static_cast<std::size_t>(layout.views) * C * C);
  for_ranges(workers, static_cast<std::size_t>(layout.views), kViewGrain, [&](Range range) {
    sum_some(layout, J, inverse.data(), L_.data(), range);
    for (std::size_t v = range.begin; v < range.end; ++v) {
      double* L = &L_[v * C * C];
      for (std::size_t r = 0; r < C; ++r)
        for (std::size_t c = 0; c <= r; ++c) {
          // intrinsics that many views share have no block in any of them
          const bool own = !layout.shares || r < kPoseColumns;
          double x = (r == c ? 1 + lambda : 0.0) - (own ? L[r * C + c] : 0.0);
          for (std::size_t k = 0; k < c; ++k) x -= L[r * C + k] * L[c * C + k];
          L[r * C + c] = r == c ? 1 / std::sqrt(std::max(x, kLeastPivot)) : x * L[c * C + c];
        }
    }
  });
}
template void ViewBlocks::compute<half, float>(
    const BundleLayout&, const half*, std::span<const float>, double, Workers&);
template void ViewBlocks::compute<float, float>(
    const BundleLayout&, const float*, std::span<const float>, double, Workers&);
template void ViewBlocks::compute<double, double>(
    const BundleLayout&, const double*, std::span<const double>, double, Workers&);

template <class V>
void ViewBlocks::divide(std::span<const V> r, std::span<V> z) const {
  const std::size_t C = columns_;
  for (std::size_t v = 0; v * C < r.size(); ++v) {
    const double* L = &L_[v * C * C];
    double x[kMostColumns];
    for (std::size_t i = 0; i < C; ++i) {
      x[i] = static_cast<double>(r[v * C + i]);
      for (std::size_t k = 0; k < i; ++k) x[i] -= L[i * C + k] * x[k];
      x[i] *= L[i * C + i];
    }
    for (std::size_t i = C; i-- > 0;) {
      for (std::size_t k = i + 1; k < C; ++k) x[i] -= L[k * C + i] * x[k];
      x[i] *= L[i * C + i];
      z[v * C + i] = static_cast<V>(x[i]);
    }
  }
}
template void ViewBlocks::divide<float>(std::span<const float>, std::span<float>) const;
template void ViewBlocks::divide<double>(std::span<const double>, std::span<double>) const;

}  // namespace pipit
#endif  // HWY_ONCE
