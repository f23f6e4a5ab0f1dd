#include "factor/sweep.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factor/sweep.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

/// out[0..8) = square x, the square K x K column-major with stride `stride`. Rows beyond K of `out` are undefined.
template <int K, class V, class X>
HWY_INLINE void times_square(const V* HWY_RESTRICT square, size_t stride, const X* x, V* HWY_RESTRICT out) {
  const hn::CappedTag<V, (K <= 2 ? 2 : K <= 4 ? 4 : 8)> d;
  for (size_t i = 0; i < K; i += hn::Lanes(d)) {
    auto even = hn::Mul(hn::LoadU(d, square + i), hn::Set(d, static_cast<V>(x[0])));
    auto odd = hn::Zero(d);
    for (int c = 1; c < K; ++c) {
      const auto column = hn::LoadU(d, square + c * stride + i);
      const auto all = hn::Set(d, static_cast<V>(x[c]));
      if (c % 2 == 0)
        even = hn::MulAdd(column, all, even);
      else
        odd = hn::MulAdd(column, all, odd);
    }
    hn::StoreU(hn::Add(even, odd), d, out + i);
  }
}

/// Columns [k, k + G) of a panel: x of the group, then what it takes off the rows below it.
template <int G, class S, class V>
HWY_INLINE void forward_group(const SweepPanel<S>& panel, size_t k, const V* inverse, V* HWY_RESTRICT t) {
  const hn::ScalableTag<V> d;
  const size_t ld = panel.m, m = panel.m;
  V x[16];
  times_square<G>(inverse, kSweepGroup, t + k, x);
  hn::Vec<decltype(d)> all[G];
  for (int c = 0; c < G; ++c) {
    t[k + c] = x[c];
    all[c] = hn::Set(d, x[c]);
  }
  const S* column = panel.values + k * ld;
  for (size_t r = k + G; r < m; r += hn::Lanes(d)) {
    auto even = hn::LoadU(d, t + r);
    auto odd = hn::Zero(d);
    for (int c = 0; c < G; ++c) {
      hwy::Prefetch(column + (c + G) * ld + r);
      const auto l = load_as(d, column + c * ld + r);
      if (c % 2 == 0)
        even = hn::NegMulAdd(l, all[c], even);
      else
        odd = hn::NegMulAdd(l, all[c], odd);
    }
    hn::StoreU(hn::Add(even, odd), d, t + r);
  }
}

/// Columns [k, k + G), those after them and the rows below being done.
template <int G, class S, class V>
HWY_INLINE void backward_group(const SweepPanel<S>& panel, size_t k, const V* inverse, V* HWY_RESTRICT t) {
  const hn::ScalableTag<V> d;
  const size_t ld = panel.m, m = panel.m;
  const S* column = panel.values + k * ld;
  hn::Vec<decltype(d)> sum[G];
  for (int c = 0; c < G; ++c) sum[c] = hn::Zero(d);
  for (size_t r = k + G; r < m; r += hn::Lanes(d)) {
    const auto rows = hn::LoadU(d, t + r);
    for (int c = 0; c < G; ++c) {
      hwy::Prefetch(column + (c - G) * static_cast<std::ptrdiff_t>(ld) + r);
      sum[c] = hn::MulAdd(load_as(d, column + c * ld + r), rows, sum[c]);
    }
  }
  V rest[16], x[16];
  for (int c = 0; c < G; ++c) rest[c] = t[k + c] - hn::GetLane(hn::SumOfLanes(d, sum[c]));
  times_square<G>(inverse + kSweepGroup * kSweepGroup, kSweepGroup, rest, x);
  for (int c = 0; c < G; ++c) t[k + c] = x[c];
}

/// Blocks of y at rows[] to t, or back. B numbers each; a vector may spill over what is written next.
template <int B, class V>
HWY_INLINE void gather_blocks(const V* y, const std::int32_t* rows, size_t count, V* HWY_RESTRICT t) {
  const hn::CappedTag<V, (B <= 4 ? 4 : 8)> d;
  for (size_t k = 0; k < count; ++k)
    for (size_t i = 0; i < B; i += hn::Lanes(d))
      hn::StoreU(hn::LoadU(d, y + static_cast<size_t>(rows[k]) * B + i), d, t + k * B + i);
}

template <class S, class V>
HWY_INLINE void load_panel(const SweepPanel<S>& panel, size_t B, const V* y, V* HWY_RESTRICT t) {
  std::copy(y + panel.first, y + panel.first + panel.w, t);
  const size_t count = (panel.m - panel.w) / B;
  if (B == 6)
    gather_blocks<6>(y, panel.rows, count, t + panel.w);
  else if (B == 3)
    gather_blocks<3>(y, panel.rows, count, t + panel.w);
  else
    for (size_t k = 0; k < count; ++k) std::copy_n(y + panel.rows[k] * B, B, t + panel.w + k * B);
}

template <class S, class V>
void forward_here(std::span<const SweepPanel<S>> panels, size_t B, V* y, V* t) {
  for (const SweepPanel<S>& panel : panels) {
    load_panel(panel, B, y, t);
    const V* inverse = panel.inverse;
    for (int k = 0; k < panel.w; k += kSweepGroup, inverse += 2 * kSweepGroup * kSweepGroup) switch (panel.w - k) {
        case 1:
          forward_group<1>(panel, k, inverse, t);
          break;
        case 2:
          forward_group<2>(panel, k, inverse, t);
          break;
        case 3:
          forward_group<3>(panel, k, inverse, t);
          break;
        case 4:
          forward_group<4>(panel, k, inverse, t);
          break;
        case 5:
          forward_group<5>(panel, k, inverse, t);
          break;
        default:
          forward_group<6>(panel, k, inverse, t);
      }
    std::copy(t, t + panel.w, y + panel.first);
    const size_t count = (panel.m - panel.w) / B;
    for (size_t k = 0; k < count; ++k) std::copy_n(t + panel.w + k * B, B, y + panel.rows[k] * B);
  }
}

template <class S, class V>
void backward_here(std::span<const SweepPanel<S>> panels, size_t B, V* y, V* t) {
  for (size_t s = panels.size(); s-- > 0;) {
    const SweepPanel<S>& panel = panels[s];
    load_panel(panel, B, y, t);
    // What is read of L beyond the last row meets zeros.
    std::fill_n(t + panel.m, 16, V(0));
    const int groups = (panel.w + kSweepGroup - 1) / kSweepGroup;
    for (int g = groups - 1; g >= 0; --g) {
      const int k = g * kSweepGroup;
      const V* inverse = panel.inverse + static_cast<size_t>(g) * 2 * kSweepGroup * kSweepGroup;
      switch (panel.w - k) {
        case 1:
          backward_group<1>(panel, k, inverse, t);
          break;
        case 2:
          backward_group<2>(panel, k, inverse, t);
          break;
        case 3:
          backward_group<3>(panel, k, inverse, t);
          break;
        case 4:
          backward_group<4>(panel, k, inverse, t);
          break;
        case 5:
          backward_group<5>(panel, k, inverse, t);
          break;
        default:
          backward_group<6>(panel, k, inverse, t);
      }
    }
    std::copy(t, t + panel.w, y + panel.first);
  }
}

template <int B, class V, class X>
HWY_INLINE void gather_squares(const V* squares, const std::int32_t* at, int n, V factor, const X* x, V* y) {
  V in[16];
  for (int k = 0; k < n; ++k) {
    for (int c = 0; c < B; ++c) in[c] = static_cast<V>(x[static_cast<size_t>(at[k]) * B + c] * factor);
    times_square<B>(squares + static_cast<size_t>(k) * B * B, B, in, y + static_cast<size_t>(k) * B);
  }
}
template <int B, class V, class X>
HWY_INLINE void scatter_squares(const V* squares, const std::int32_t* at, int n, V factor, const V* y, X* x) {
  V out[16];
  for (int k = 0; k < n; ++k) {
    times_square<B>(squares + static_cast<size_t>(k) * B * B, B, y + static_cast<size_t>(k) * B, out);
    for (int c = 0; c < B; ++c) x[static_cast<size_t>(at[k]) * B + c] = static_cast<X>(out[c] * factor);
  }
}

template <class S, class T>
void round_panel_here(const T* panel, size_t m, size_t w, size_t ld, S* to) {
  using V = PanelVector<S>;
  const hn::ScalableTag<V> d;
  for (size_t c = 0; c < w; ++c) {
    S* column = to + c * m;
    std::fill_n(column, c, S{});
    const T* from = panel + c * ld;
    for (size_t r = c; r < m; r += hn::Lanes(d)) {
      V lane[hn::MaxLanes(d)] = {};
      if (m - r < hn::Lanes(d)) {  // nothing may lie behind the panel's last column
        for (size_t i = 0; i < m - r; ++i) lane[i] = static_cast<V>(from[r + i]);
        store_as(d, hn::LoadU(d, lane), column + r);
      } else if constexpr (std::is_same_v<T, V>) {
        store_as(d, hn::LoadU(d, from + r), column + r);
      } else {
        for (size_t i = 0; i < hn::Lanes(d); ++i) lane[i] = static_cast<V>(from[r + i]);
        store_as(d, hn::LoadU(d, lane), column + r);
      }
    }
  }
  std::fill_n(to + m * w, 16, S{});
}

#define PIPIT_NAMED_SWEEP(S)                                                                                         \
  void forward_##S(std::span<const SweepPanel<S>> p, size_t B, PanelVector<S>* y, PanelVector<S>* t) {               \
    forward_here<S>(p, B, y, t);                                                                                     \
  }                                                                                                                  \
  void backward_##S(std::span<const SweepPanel<S>> p, size_t B, PanelVector<S>* y, PanelVector<S>* t) {              \
    backward_here<S>(p, B, y, t);                                                                                    \
  }                                                                                                                  \
  void round_##S##_f(const float* p, size_t m, size_t w, size_t ld, S* to) { round_panel_here<S>(p, m, w, ld, to); } \
  void round_##S##_d(const double* p, size_t m, size_t w, size_t ld, S* to) { round_panel_here<S>(p, m, w, ld, to); }
PIPIT_NAMED_SWEEP(half)
PIPIT_NAMED_SWEEP(bfloat16)
PIPIT_NAMED_SWEEP(float)
PIPIT_NAMED_SWEEP(double)
#undef PIPIT_NAMED_SWEEP

#define PIPIT_NAMED_SQUARES(V, X)                                                                        \
  void gather_##V##_##X(const V* s, const std::int32_t* at, int n, int B, V factor, const X* x, V* y) {  \
    B == 6 ? gather_squares<6>(s, at, n, factor, x, y) : gather_squares<3>(s, at, n, factor, x, y);      \
  }                                                                                                      \
  void scatter_##V##_##X(const V* s, const std::int32_t* at, int n, int B, V factor, const V* y, X* x) { \
    B == 6 ? scatter_squares<6>(s, at, n, factor, y, x) : scatter_squares<3>(s, at, n, factor, y, x);    \
  }
PIPIT_NAMED_SQUARES(float, float)
PIPIT_NAMED_SQUARES(float, double)
PIPIT_NAMED_SQUARES(double, float)
PIPIT_NAMED_SQUARES(double, double)
#undef PIPIT_NAMED_SQUARES

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {

#define PIPIT_DEFINE_SWEEP(S)                                                                          \
  HWY_EXPORT(forward_##S);                                                                             \
  HWY_EXPORT(backward_##S);                                                                            \
  HWY_EXPORT(round_##S##_f);                                                                           \
  HWY_EXPORT(round_##S##_d);                                                                           \
  template <>                                                                                          \
  void sweep_forward(std::span<const SweepPanel<S>> p, int B, PanelVector<S>* y, PanelVector<S>* t) {  \
    HWY_DYNAMIC_DISPATCH(forward_##S)(p, B, y, t);                                                     \
  }                                                                                                    \
  template <>                                                                                          \
  void sweep_backward(std::span<const SweepPanel<S>> p, int B, PanelVector<S>* y, PanelVector<S>* t) { \
    HWY_DYNAMIC_DISPATCH(backward_##S)(p, B, y, t);                                                    \
  }                                                                                                    \
  template <>                                                                                          \
  void round_panel(const float* panel, int m, int w, int ld, S* to) {                                  \
    HWY_DYNAMIC_DISPATCH(round_##S##_f)(panel, m, w, ld, to);                                          \
  }                                                                                                    \
  template <>                                                                                          \
  void round_panel(const double* panel, int m, int w, int ld, S* to) {                                 \
    HWY_DYNAMIC_DISPATCH(round_##S##_d)(panel, m, w, ld, to);                                          \
  }
PIPIT_DEFINE_SWEEP(half)
PIPIT_DEFINE_SWEEP(bfloat16)
PIPIT_DEFINE_SWEEP(float)
PIPIT_DEFINE_SWEEP(double)
#undef PIPIT_DEFINE_SWEEP

namespace {

// Blocks of other sides than 3 and 6.
template <class V, class X>
void gather_plain(const V* squares, const std::int32_t* at, int n, int B, V factor, const X* x, V* y) {
  for (int k = 0; k < n; ++k)
    for (int r = 0; r < B; ++r) {
      V sum = 0;
      for (int c = 0; c < B; ++c)
        sum += squares[(static_cast<std::ptrdiff_t>(k) * B + c) * B + r] *
               static_cast<V>(x[static_cast<std::ptrdiff_t>(at[k]) * B + c] * factor);
      y[static_cast<std::ptrdiff_t>(k) * B + r] = sum;
    }
}
template <class V, class X>
void scatter_plain(const V* squares, const std::int32_t* at, int n, int B, V factor, const V* y, X* x) {
  for (int k = 0; k < n; ++k)
    for (int r = 0; r < B; ++r) {
      V sum = 0;
      for (int c = 0; c < B; ++c)
        sum += squares[(static_cast<std::ptrdiff_t>(k) * B + c) * B + r] * y[static_cast<std::ptrdiff_t>(k) * B + c];
      x[static_cast<std::ptrdiff_t>(at[k]) * B + r] = static_cast<X>(sum * factor);
    }
}

}  // namespace

#define PIPIT_DEFINE_SQUARES(V, X)                                                                    \
  HWY_EXPORT(gather_##V##_##X);                                                                       \
  HWY_EXPORT(scatter_##V##_##X);                                                                      \
  template <>                                                                                         \
  void gather_scaled(const V* s, const std::int32_t* at, int n, int B, V factor, const X* x, V* y) {  \
    if (B != 3 && B != 6) return gather_plain(s, at, n, B, factor, x, y);                             \
    HWY_DYNAMIC_DISPATCH(gather_##V##_##X)(s, at, n, B, factor, x, y);                                \
  }                                                                                                   \
  template <>                                                                                         \
  void scatter_scaled(const V* s, const std::int32_t* at, int n, int B, V factor, const V* y, X* x) { \
    if (B != 3 && B != 6) return scatter_plain(s, at, n, B, factor, y, x);                            \
    HWY_DYNAMIC_DISPATCH(scatter_##V##_##X)(s, at, n, B, factor, y, x);                               \
  }
PIPIT_DEFINE_SQUARES(float, float)
PIPIT_DEFINE_SQUARES(float, double)
PIPIT_DEFINE_SQUARES(double, float)
PIPIT_DEFINE_SQUARES(double, double)
#undef PIPIT_DEFINE_SQUARES

}  // namespace pipit
#endif  // HWY_ONCE
