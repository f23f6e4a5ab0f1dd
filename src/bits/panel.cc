#include "bits/panel.h"

#include "base/contract.h"
#include "bits/panel_ref.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bits/panel.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR  // one lane: the definition itself
template <class S, class V>
HWY_INLINE void forward_panel(const S* panel, int m, int w, int ld, V* x, V* below) {
  panel_forward_ref(panel, m, w, ld, x, below);
}
template <class S, class V>
HWY_INLINE void backward_panel(const S* panel, int m, int w, int ld, V* x, const V* below) {
  panel_backward_ref(panel, m, w, ld, x, below);
}
#else

/// v[i..n) -= rows i.. of G columns times x, as many whole vectors of D as fit. Returns the first row not done.
template <int G, class D, class S, class V>
HWY_INLINE size_t subtract_columns(D d, const S* panel, size_t ld, const V* x, V* HWY_RESTRICT v, size_t i, size_t n) {
  hn::Vec<D> coefficient[G];
  for (int k = 0; k < G; ++k) coefficient[k] = hn::Set(d, x[k]);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    auto sum = hn::LoadU(d, v + i);
    for (int k = 0; k < G; ++k)
      sum = hn::NegMulAdd(load_as(d, panel + i + static_cast<size_t>(k) * ld), coefficient[k], sum);
    hn::StoreU(sum, d, v + i);
  }
  return i;
}

/// A call of its own, not copied into each caller: the compiler's time.
/// v -= panel x for rows [0, n): long vectors first, then ever shorter ones, so that nothing beyond is read.
template <int G, class S, class V>
HWY_NOINLINE void subtract_rows(const S* panel, size_t ld, const V* x, V* HWY_RESTRICT v, size_t n) {
  const hn::CappedTag<V, 16> d16;
  size_t i = subtract_columns<G>(d16, panel, ld, x, v, 0, n);
  if constexpr (hn::MaxLanes(d16) > 8) i = subtract_columns<G>(hn::CappedTag<V, 8>(), panel, ld, x, v, i, n);
  if constexpr (hn::MaxLanes(d16) > 4) i = subtract_columns<G>(hn::CappedTag<V, 4>(), panel, ld, x, v, i, n);
  if constexpr (hn::MaxLanes(d16) > 2) i = subtract_columns<G>(hn::CappedTag<V, 2>(), panel, ld, x, v, i, n);
  if constexpr (hn::MaxLanes(d16) > 1) i = subtract_columns<G>(hn::CappedTag<V, 1>(), panel, ld, x, v, i, n);
}

/// sums[k] += column k times v over the whole vectors of D that fit from row i on. Returns the first row not done.
template <int G, class D, class S, class V>
HWY_INLINE size_t dot_columns(D d, const S* panel, size_t ld, const V* v, size_t i, size_t n, V* sums) {
  if (i + hn::Lanes(d) > n) return i;
  hn::Vec<D> sum[G];
  for (int k = 0; k < G; ++k) sum[k] = hn::Zero(d);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto rows = hn::LoadU(d, v + i);
    for (int k = 0; k < G; ++k) sum[k] = hn::MulAdd(load_as(d, panel + i + static_cast<size_t>(k) * ld), rows, sum[k]);
  }
  for (int k = 0; k < G; ++k) sums[k] += hn::GetLane(hn::SumOfLanes(d, sum[k]));
  return i;
}

/// sums[k] += column k times v for rows [0, n).
template <int G, class S, class V>
HWY_NOINLINE void dot_rows(const S* panel, size_t ld, const V* v, size_t n, V* sums) {
  const hn::CappedTag<V, 16> d16;
  size_t i = dot_columns<G>(d16, panel, ld, v, 0, n, sums);
  if constexpr (hn::MaxLanes(d16) > 8) i = dot_columns<G>(hn::CappedTag<V, 8>(), panel, ld, v, i, n, sums);
  if constexpr (hn::MaxLanes(d16) > 4) i = dot_columns<G>(hn::CappedTag<V, 4>(), panel, ld, v, i, n, sums);
  if constexpr (hn::MaxLanes(d16) > 2) i = dot_columns<G>(hn::CappedTag<V, 2>(), panel, ld, v, i, n, sums);
  if constexpr (hn::MaxLanes(d16) > 1) i = dot_columns<G>(hn::CappedTag<V, 1>(), panel, ld, v, i, n, sums);
}

/// The G x G triangle as numbers, column k from row k on: wide[k * G + r].
template <int G, class S, class V>
HWY_INLINE void widen_triangle(const S* panel, size_t ld, V* HWY_RESTRICT wide) {
  const hn::CappedTag<V, 4> d4;
  const hn::CappedTag<V, 2> d2;
  const hn::CappedTag<V, 1> d1;
  for (int k = 0; k < G; ++k) {
    const S* column = panel + static_cast<size_t>(k) * ld;
    int r = 0;
    if constexpr (G >= 4 && hn::MaxLanes(d4) == 4)
      for (; r + 4 <= G; r += 4) hn::StoreU(load_as(d4, column + r), d4, wide + k * G + r);
    if constexpr (G >= 2 && hn::MaxLanes(d2) == 2)
      for (; r + 2 <= G; r += 2) hn::StoreU(load_as(d2, column + r), d2, wide + k * G + r);
    for (; r < G; ++r) hn::StoreU(load_as(d1, column + r), d1, wide + k * G + r);
  }
}

/// a - b c with one rounding where the instruction set has it, like the vectors.
template <class V>
HWY_INLINE V subtract_product(V a, V b, V c) {
  const hn::CappedTag<V, 1> d;
  return hn::GetLane(hn::NegMulAdd(hn::Set(d, b), hn::Set(d, c), hn::Set(d, a)));
}

template <int G, class S, class V>
HWY_INLINE void forward_group(const S* panel, size_t ld, size_t rest_w, size_t rest_m, V* x, V* HWY_RESTRICT below) {
  V wide[G * G];
  widen_triangle<G>(panel, ld, wide);
  V y[G];
  for (int k = 0; k < G; ++k) y[k] = x[k];
  for (int k = 0; k < G; ++k) {
    y[k] *= wide[k * G + k];
    for (int r = k + 1; r < G; ++r) y[r] = subtract_product(y[r], wide[k * G + r], y[k]);
  }
  for (int k = 0; k < G; ++k) x[k] = y[k];
  if (rest_w > 0) subtract_rows<G>(panel + G, ld, y, x + G, rest_w);
  if (rest_m > 0) subtract_rows<G>(panel + G + rest_w, ld, y, below, rest_m);
}

template <int G, class S, class V>
HWY_INLINE void backward_group(const S* panel, size_t ld, size_t rest_w, size_t rest_m, V* x, const V* below) {
  V sums[G] = {};
  if (rest_m > 0) dot_rows<G>(panel + G + rest_w, ld, below, rest_m, sums);
  if (rest_w > 0) dot_rows<G>(panel + G, ld, x + G, rest_w, sums);
  V wide[G * G];
  widen_triangle<G>(panel, ld, wide);
  V y[G];
  for (int k = 0; k < G; ++k) y[k] = x[k] - sums[k];
  for (int k = G - 1; k >= 0; --k) {
    for (int r = G - 1; r > k; --r) y[k] = subtract_product(y[k], wide[k * G + r], y[r]);
    y[k] *= wide[k * G + k];
  }
  for (int k = 0; k < G; ++k) x[k] = y[k];
}

/// Columns in groups of 6, then 3; one or two that are left over (no block size of ours) go by the definition.
template <class S, class V>
HWY_NOINLINE void forward_panel(const S* panel, int m, int w, int ld, V* x, V* below) {
  const size_t stride = static_cast<size_t>(ld), rest_m = static_cast<size_t>(m - w);
  int c = 0;
  for (; c + 6 <= w; c += 6)
    forward_group<6>(panel + c * (stride + 1), stride, static_cast<size_t>(w - c - 6), rest_m, x + c, below);
  for (; c + 3 <= w; c += 3)
    forward_group<3>(panel + c * (stride + 1), stride, static_cast<size_t>(w - c - 3), rest_m, x + c, below);
  if (c < w) panel_forward_ref(panel + c * (stride + 1), m - c, w - c, ld, x + c, below);
}

template <class S, class V>
HWY_NOINLINE void backward_panel(const S* panel, int m, int w, int ld, V* x, const V* below) {
  const size_t stride = static_cast<size_t>(ld), rest_m = static_cast<size_t>(m - w);
  const int sixes = w / 6 * 6, threes = sixes + (w - sixes) / 3 * 3;
  if (threes < w) panel_backward_ref(panel + threes * (stride + 1), m - threes, w - threes, ld, x + threes, below);
  int c = threes;
  for (; c > sixes; c -= 3)
    backward_group<3>(panel + (c - 3) * (stride + 1), stride, static_cast<size_t>(w - c), rest_m, x + c - 3, below);
  for (; c > 0; c -= 6)
    backward_group<6>(panel + (c - 6) * (stride + 1), stride, static_cast<size_t>(w - c), rest_m, x + c - 6, below);
}
#endif  // HWY_SCALAR

/// Pieces of kB (or B, when kB is 0) numbers between their places in x and one contiguous vector.
template <int kB, class V>
HWY_INLINE void gather(const std::int32_t* rows, std::int64_t count, int B, const V* x, V* HWY_RESTRICT below) {
  const std::ptrdiff_t size = kB > 0 ? kB : B;
  for (std::int64_t k = 0; k < count; ++k)
    for (std::ptrdiff_t i = 0; i < size; ++i) below[k * size + i] = x[rows[k] * size + i];
}
template <int kB, class V>
HWY_INLINE void scatter(const std::int32_t* rows, std::int64_t count, int B, const V* HWY_RESTRICT below, V* x) {
  const std::ptrdiff_t size = kB > 0 ? kB : B;
  for (std::int64_t k = 0; k < count; ++k)
    for (std::ptrdiff_t i = 0; i < size; ++i) x[rows[k] * size + i] = below[k * size + i];
}

template <int kB, bool kForward, class S, class V>
HWY_INLINE void sweep_sized(const PanelFactorView<S>& L, V* x, V* below) {
  const int B = kB > 0 ? kB : L.B;
  for (int i = 0; i < L.num_panels; ++i) {
    const int s = kForward ? i : L.num_panels - 1 - i;
    const std::int32_t* rows = L.rows + L.row_begin[s];
    const std::int64_t count = L.row_begin[s + 1] - L.row_begin[s];
    const int w = (L.first[s + 1] - L.first[s]) * B, m = w + static_cast<int>(count) * B;
    V* top = x + static_cast<std::ptrdiff_t>(L.first[s]) * B;
    gather<kB>(rows, count, B, x, below);
    if constexpr (kForward) {
      forward_panel(L.values + L.begin[s], m, w, m, top, below);
      scatter<kB>(rows, count, B, below, x);
    } else {
      backward_panel(L.values + L.begin[s], m, w, m, top, below);
    }
  }
}
template <bool kForward, class S, class V>
HWY_INLINE void sweep(const PanelFactorView<S>& L, V* x, V* below) {
  if (L.B == 6) return sweep_sized<6, kForward>(L, x, below);
  if (L.B == 3) return sweep_sized<3, kForward>(L, x, below);
  sweep_sized<0, kForward>(L, x, below);
}

// one name per format: a dispatch table is made by name
void sweep_half(const PanelFactorView<half>& L, bool forward, float* x, float* below) {
  forward ? sweep<true>(L, x, below) : sweep<false>(L, x, below);
}
void sweep_bfloat16(const PanelFactorView<bfloat16>& L, bool forward, float* x, float* below) {
  forward ? sweep<true>(L, x, below) : sweep<false>(L, x, below);
}
void sweep_float(const PanelFactorView<float>& L, bool forward, float* x, float* below) {
  forward ? sweep<true>(L, x, below) : sweep<false>(L, x, below);
}
void sweep_double(const PanelFactorView<double>& L, bool forward, double* x, double* below) {
  forward ? sweep<true>(L, x, below) : sweep<false>(L, x, below);
}

void forward_half(const half* p, int m, int w, int ld, float* x, float* b) { forward_panel(p, m, w, ld, x, b); }
void forward_bfloat16(const bfloat16* p, int m, int w, int ld, float* x, float* b) { forward_panel(p, m, w, ld, x, b); }
void forward_float(const float* p, int m, int w, int ld, float* x, float* b) { forward_panel(p, m, w, ld, x, b); }
void forward_double(const double* p, int m, int w, int ld, double* x, double* b) { forward_panel(p, m, w, ld, x, b); }
void backward_half(const half* p, int m, int w, int ld, float* x, const float* b) { backward_panel(p, m, w, ld, x, b); }
void backward_bfloat16(const bfloat16* p, int m, int w, int ld, float* x, const float* b) {
  backward_panel(p, m, w, ld, x, b);
}
void backward_float(const float* p, int m, int w, int ld, float* x, const float* b) {
  backward_panel(p, m, w, ld, x, b);
}
void backward_double(const double* p, int m, int w, int ld, double* x, const double* b) {
  backward_panel(p, m, w, ld, x, b);
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(forward_half);
HWY_EXPORT(forward_bfloat16);
HWY_EXPORT(forward_float);
HWY_EXPORT(forward_double);
HWY_EXPORT(backward_half);
HWY_EXPORT(backward_bfloat16);
HWY_EXPORT(backward_float);
HWY_EXPORT(backward_double);
HWY_EXPORT(sweep_half);
HWY_EXPORT(sweep_bfloat16);
HWY_EXPORT(sweep_float);
HWY_EXPORT(sweep_double);

void run(const PanelFactorView<half>& L, bool forward, float* x, float* below) {
  HWY_DYNAMIC_DISPATCH(sweep_half)(L, forward, x, below);
}
void run(const PanelFactorView<bfloat16>& L, bool forward, float* x, float* below) {
  HWY_DYNAMIC_DISPATCH(sweep_bfloat16)(L, forward, x, below);
}
void run(const PanelFactorView<float>& L, bool forward, float* x, float* below) {
  HWY_DYNAMIC_DISPATCH(sweep_float)(L, forward, x, below);
}
void run(const PanelFactorView<double>& L, bool forward, double* x, double* below) {
  HWY_DYNAMIC_DISPATCH(sweep_double)(L, forward, x, below);
}

template <class S, class V>
void check_and_run(const PanelFactorView<S>& L, bool forward, std::span<V> x, std::span<V> scratch) {
  if (L.num_panels == 0) return;
  const auto B = static_cast<std::size_t>(L.B);
  expects(x.size() == static_cast<std::size_t>(L.first[L.num_panels]) * B, "factor solve: x is not n * B long");
  std::int64_t longest = 0;
  for (int s = 0; s < L.num_panels; ++s) longest = HWY_MAX(longest, L.row_begin[s + 1] - L.row_begin[s]);
  expects(scratch.size() >= static_cast<std::size_t>(longest) * B, "factor solve: scratch is too short");
  run(L, forward, x.data(), scratch.data());
}

}  // namespace

template <>
void panel_forward(const half* panel, int m, int w, int ld, float* x, float* below) {
  HWY_DYNAMIC_DISPATCH(forward_half)(panel, m, w, ld, x, below);
}
template <>
void panel_forward(const bfloat16* panel, int m, int w, int ld, float* x, float* below) {
  HWY_DYNAMIC_DISPATCH(forward_bfloat16)(panel, m, w, ld, x, below);
}
template <>
void panel_forward(const float* panel, int m, int w, int ld, float* x, float* below) {
  HWY_DYNAMIC_DISPATCH(forward_float)(panel, m, w, ld, x, below);
}
template <>
void panel_forward(const double* panel, int m, int w, int ld, double* x, double* below) {
  HWY_DYNAMIC_DISPATCH(forward_double)(panel, m, w, ld, x, below);
}
template <>
void panel_backward(const half* panel, int m, int w, int ld, float* x, const float* below) {
  HWY_DYNAMIC_DISPATCH(backward_half)(panel, m, w, ld, x, below);
}
template <>
void panel_backward(const bfloat16* panel, int m, int w, int ld, float* x, const float* below) {
  HWY_DYNAMIC_DISPATCH(backward_bfloat16)(panel, m, w, ld, x, below);
}
template <>
void panel_backward(const float* panel, int m, int w, int ld, float* x, const float* below) {
  HWY_DYNAMIC_DISPATCH(backward_float)(panel, m, w, ld, x, below);
}
template <>
void panel_backward(const double* panel, int m, int w, int ld, double* x, const double* below) {
  HWY_DYNAMIC_DISPATCH(backward_double)(panel, m, w, ld, x, below);
}

template <class S>
void factor_forward(const PanelFactorView<S>& L, std::span<PanelVector<S>> x, std::span<PanelVector<S>> scratch) {
  check_and_run(L, true, x, scratch);
}
template <class S>
void factor_backward(const PanelFactorView<S>& L, std::span<PanelVector<S>> x, std::span<PanelVector<S>> scratch) {
  check_and_run(L, false, x, scratch);
}
template void factor_forward(const PanelFactorView<half>&, std::span<float>, std::span<float>);
template void factor_forward(const PanelFactorView<bfloat16>&, std::span<float>, std::span<float>);
template void factor_forward(const PanelFactorView<float>&, std::span<float>, std::span<float>);
template void factor_forward(const PanelFactorView<double>&, std::span<double>, std::span<double>);
template void factor_backward(const PanelFactorView<half>&, std::span<float>, std::span<float>);
template void factor_backward(const PanelFactorView<bfloat16>&, std::span<float>, std::span<float>);
template void factor_backward(const PanelFactorView<float>&, std::span<float>, std::span<float>);
template void factor_backward(const PanelFactorView<double>&, std::span<double>, std::span<double>);

}  // namespace pipit
#endif
