#include "nn/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/contract.h"
#include "nn/quantise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/contrib/math/math-inl.h>

#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

using Tag = hn::ScalableTag<float>;

/// kRows rows at once share the loads of x; two sums for each hide the latency of the additions.
template <size_t kRows, class T>
HWY_INLINE void accumulate_rows(
    const T* HWY_RESTRICT w, size_t stride, size_t cols, const float* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  const Tag d;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<Tag> even[kRows], odd[kRows];
  for (size_t r = 0; r < kRows; ++r) even[r] = odd[r] = hn::Zero(d);
  size_t c = 0;
  for (; c + 2 * lanes <= cols; c += 2 * lanes) {
    const auto x0 = hn::LoadU(d, x + c), x1 = hn::LoadU(d, x + c + lanes);
    for (size_t r = 0; r < kRows; ++r) {
      even[r] = hn::MulAdd(load_as(d, w + r * stride + c), x0, even[r]);
      odd[r] = hn::MulAdd(load_as(d, w + r * stride + c + lanes), x1, odd[r]);
    }
  }
  for (; c < cols; c += lanes) {
    float last[hn::MaxLanes(d)] = {};
    std::memcpy(last, x + c, std::min(lanes, cols - c) * sizeof(float));
    const auto x0 = hn::LoadU(d, last);
    for (size_t r = 0; r < kRows; ++r) even[r] = hn::MulAdd(load_as(d, w + r * stride + c), x0, even[r]);
  }
  for (size_t r = 0; r < kRows; ++r) y[r] += hn::GetLane(hn::SumOfLanes(d, hn::Add(even[r], odd[r])));
}

template <class T>
HWY_INLINE void accumulate_all(const T* w, size_t stride, size_t rows, size_t cols, const float* x, float* y) {
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) accumulate_rows<4>(w + r * stride, stride, cols, x, y + r);
  for (; r < rows; ++r) accumulate_rows<1>(w + r * stride, stride, cols, x, y + r);
}

void accumulate_float(const float* w, size_t stride, size_t rows, size_t cols, const float* x, float* y) {
  accumulate_all(w, stride, rows, cols, x, y);
}
void accumulate_half(const half* w, size_t stride, size_t rows, size_t cols, const float* x, float* y) {
  accumulate_all(w, stride, rows, cols, x, y);
}

template <size_t kRows>
HWY_INLINE void accumulate_int8_rows(const std::int8_t* HWY_RESTRICT w,
                                     size_t stride,
                                     size_t cols,
                                     const std::int16_t* HWY_RESTRICT x,
                                     std::int32_t* sums) {
#if HWY_TARGET == HWY_SCALAR
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = 0;
    for (size_t c = 0; c < cols; ++c) sums[r] += std::int32_t{w[r * stride + c]} * x[c];
  }
#else
  const hn::ScalableTag<std::int32_t> d32;
  const hn::Repartition<std::int16_t, decltype(d32)> d16;
  const hn::Rebind<std::int8_t, decltype(d16)> d8;
  hn::Vec<decltype(d32)> low[kRows], high[kRows];
  for (size_t r = 0; r < kRows; ++r) low[r] = high[r] = hn::Zero(d32);
  for (size_t c = 0; c < cols; c += hn::Lanes(d16)) {  // both are zero up to the next multiple of 64
    const auto x16 = hn::LoadU(d16, x + c);
    for (size_t r = 0; r < kRows; ++r) {
      const auto w16 = hn::PromoteTo(d16, hn::LoadU(d8, w + r * stride + c));
      low[r] = hn::ReorderWidenMulAccumulate(d32, w16, x16, low[r], high[r]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) sums[r] = hn::GetLane(hn::SumOfLanes(d32, hn::Add(low[r], high[r])));
#endif
}

void accumulate_int8(const std::int8_t* w,
                     size_t stride,
                     size_t rows,
                     size_t cols,
                     const float* scales,
                     const std::int16_t* x,
                     float scale,
                     float* y) {
  constexpr size_t kGroup = 4;
  std::int32_t sums[kGroup];
  for (size_t r = 0; r < rows; r += kGroup) {
    const size_t count = std::min(kGroup, rows - r);
    if (count == kGroup) {
      accumulate_int8_rows<kGroup>(w + r * stride, stride, cols, x, sums);
    } else {
      for (size_t k = 0; k < count; ++k) accumulate_int8_rows<1>(w + (r + k) * stride, stride, cols, x, sums + k);
    }
    for (size_t k = 0; k < count; ++k) y[r + k] += static_cast<float>(sums[k]) * (scales[r + k] * scale);
  }
}

/// f(tag, i, count) for the elements from i on, a vector at a time; count is less than Lanes in the last one alone.
template <class F>
HWY_INLINE void for_each_vector(size_t n, const F& f) {
  const Tag d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(d, i, lanes);
  if (i < n) f(d, i, n - i);
}

template <class D>
HWY_INLINE hn::Vec<D> load_some(D d, const float* p, size_t count) {
  if (hn::MaxLanes(d) == 1 || count == hn::Lanes(d)) return hn::LoadU(d, p);
  float last[hn::MaxLanes(d)] = {};
  std::memcpy(last, p, count * sizeof(float));
  return hn::LoadU(d, last);
}
template <class D>
HWY_INLINE void store_some(D d, hn::Vec<D> v, float* p, size_t count) {
  if (hn::MaxLanes(d) == 1 || count == hn::Lanes(d)) return hn::StoreU(v, d, p);
  float last[hn::MaxLanes(d)];
  hn::StoreU(v, d, last);
  std::memcpy(p, last, count * sizeof(float));
}

template <class D>
HWY_INLINE hn::Vec<D> sigmoid_lanes(D d, hn::Vec<D> x) {
  const auto one_half = hn::Set(d, 0.5f);
  return hn::MulAdd(one_half, hn::CallTanh(d, hn::Mul(one_half, x)), one_half);
}

template <class Integer>
HWY_INLINE void quantise_to(const float* x, size_t n, float inverse, Integer* q) {
#if HWY_TARGET == HWY_SCALAR
  for (size_t i = 0; i < n; ++i) q[i] = static_cast<Integer>(std::nearbyint(x[i] * inverse));
#else
  const hn::Rebind<Integer, Tag> integer;
  for_each_vector(n, [&](Tag d, size_t i, size_t count) HWY_ATTR {
    const auto integers = hn::NearestInt(hn::Mul(load_some(d, x + i, count), hn::Set(d, inverse)));
    hn::StoreU(hn::DemoteTo(integer, integers), integer, q + i);  // the buffer is longer than a vector past the end
  });
#endif
}
void quantise_int16(const float* x, size_t n, float inverse, std::int16_t* q) { quantise_to(x, n, inverse, q); }
void quantise_int8(const float* x, size_t n, float inverse, std::int8_t* q) { quantise_to(x, n, inverse, q); }

float largest(const float* x, size_t n) {
  const Tag d;
  auto most = hn::Zero(d);
  for_each_vector(
      n, [&](Tag, size_t i, size_t count) HWY_ATTR { most = hn::Max(most, hn::Abs(load_some(d, x + i, count))); });
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

void tanh_all(const float* a, const float* b, float* out, size_t n) {
  for_each_vector(n, [&](Tag d, size_t i, size_t count) HWY_ATTR {
    auto x = load_some(d, a + i, count);
    if (b) x = hn::Add(x, load_some(d, b + i, count));
    store_some(d, hn::CallTanh(d, x), out + i, count);
  });
}
void sigmoid_all(float* x, size_t n) {
  for_each_vector(n, [&](Tag d, size_t i, size_t count) HWY_ATTR {
    store_some(d, sigmoid_lanes(d, load_some(d, x + i, count)), x + i, count);
  });
}

void cells_all(const float* gates, float* c, float* m, size_t n) {
  for_each_vector(n, [&](Tag d, size_t i, size_t count) HWY_ATTR {
    const auto input = sigmoid_lanes(d, load_some(d, gates + i, count));
    const auto forget = sigmoid_lanes(d, load_some(d, gates + n + i, count));
    const auto cell = hn::CallTanh(d, load_some(d, gates + 2 * n + i, count));
    const auto output = sigmoid_lanes(d, load_some(d, gates + 3 * n + i, count));
    const auto kept = hn::MulAdd(forget, load_some(d, c + i, count), hn::Mul(input, cell));
    store_some(d, kept, c + i, count);
    store_some(d, hn::Mul(output, hn::CallTanh(d, kept)), m + i, count);
  });
}

void norm_all(const float* x, const float* gain, const float* bias, float* out, size_t n) {
  const Tag d;
  auto sum = hn::Zero(d);
  for_each_vector(n, [&](Tag, size_t i, size_t count) HWY_ATTR { sum = hn::Add(sum, load_some(d, x + i, count)); });
  const float mean = hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(n);
  const auto mean_lanes = hn::Set(d, mean);
  auto squares = hn::Zero(d);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto away = hn::Sub(hn::LoadU(d, x + i), mean_lanes);
    squares = hn::MulAdd(away, away, squares);
  }
  float rest = 0;
  for (; i < n; ++i) rest += (x[i] - mean) * (x[i] - mean);
  const float variance = (hn::GetLane(hn::SumOfLanes(d, squares)) + rest) / static_cast<float>(n);
  const auto inverse = hn::Set(d, 1.0f / std::sqrt(variance + kNormEpsilon));
  for_each_vector(n, [&](Tag, size_t k, size_t count) HWY_ATTR {
    const auto away = hn::Mul(hn::Sub(load_some(d, x + k, count), mean_lanes), inverse);
    store_some(d, hn::MulAdd(away, load_some(d, gain + k, count), load_some(d, bias + k, count)), out + k, count);
  });
}

void log_softmax_all(float* x, size_t n) {
  const Tag d;
  float most = x[0];
  for (size_t i = 1; i < n; ++i) most = std::max(most, x[i]);
  const auto top = hn::Set(d, most);
  auto sum = hn::Zero(d);
  float rest = 0;
  for_each_vector(n, [&](Tag, size_t i, size_t count) HWY_ATTR {
    const auto e = hn::CallExp(d, hn::Sub(load_some(d, x + i, count), top));
    if (hn::MaxLanes(d) == 1 || count == hn::Lanes(d)) {
      sum = hn::Add(sum, e);
    } else {
      float last[hn::MaxLanes(d)];
      hn::StoreU(e, d, last);
      for (size_t k = 0; k < count; ++k) rest += last[k];
    }
  });
  const double total = static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum))) + rest;
  const auto log_total = hn::Set(d, static_cast<float>(std::log(total)));
  for_each_vector(n, [&](Tag, size_t i, size_t count) HWY_ATTR {
    store_some(d, hn::Sub(hn::Sub(load_some(d, x + i, count), top), log_total), x + i, count);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(accumulate_float);
HWY_EXPORT(accumulate_half);
HWY_EXPORT(accumulate_int8);
HWY_EXPORT(quantise_int16);
HWY_EXPORT(quantise_int8);
HWY_EXPORT(largest);
HWY_EXPORT(tanh_all);
HWY_EXPORT(sigmoid_all);
HWY_EXPORT(cells_all);
HWY_EXPORT(norm_all);
HWY_EXPORT(log_softmax_all);

template <class T>
void check_rows(const MatView<const T>& w, std::size_t cols, std::size_t rows) {
  expects(w.rows == rows && w.cols == cols, "accumulate: lengths differ");
  expects(w.stride >= cols && w.stride * sizeof(T) % kRowAlignment == 0, "accumulate: rows are not aligned");
}

/// What quantise_vector and quantise_row share.
template <class Integer>
float quantise_and_pad(std::span<const float> x, std::span<Integer> q) {
  expects(q.size() == quantised_length(x.size()), "quantise: the buffer has another length");
  const float most = HWY_DYNAMIC_DISPATCH(largest)(x.data(), x.size());
  const bool some = most >= kLeastQuantised;
  if constexpr (sizeof(Integer) == 1) {
    if (some) HWY_DYNAMIC_DISPATCH(quantise_int8)(x.data(), x.size(), 127.0f / most, q.data());
  } else {
    if (some) HWY_DYNAMIC_DISPATCH(quantise_int16)(x.data(), x.size(), 127.0f / most, q.data());
  }
  std::fill(q.begin() + (some ? static_cast<std::ptrdiff_t>(x.size()) : 0), q.end(), Integer{0});
  return some ? most / 127.0f : 0.0f;
}

}  // namespace

void accumulate(MatView<const float> w, std::span<const float> x, std::span<float> y) {
  check_rows(w, x.size(), y.size());
  HWY_DYNAMIC_DISPATCH(accumulate_float)(w.data, w.stride, w.rows, w.cols, x.data(), y.data());
}

void accumulate(MatView<const half> w, std::span<const float> x, std::span<float> y) {
  check_rows(w, x.size(), y.size());
  HWY_DYNAMIC_DISPATCH(accumulate_half)(w.data, w.stride, w.rows, w.cols, x.data(), y.data());
}

QuantisedVector quantise_vector(std::span<const float> x, std::span<std::int16_t> buffer) {
  const float scale = quantise_and_pad(x, buffer);
  return {buffer, scale};
}

float quantise_row(std::span<const float> x, std::span<std::int8_t> q) { return quantise_and_pad(x, q); }

void accumulate(MatView<const std::int8_t> w, std::span<const float> scales, QuantisedVector x, std::span<float> y) {
  check_rows(w, w.cols, y.size());
  expects(scales.size() == y.size() && x.q.size() == quantised_length(w.cols), "accumulate: lengths differ");
  expects(w.cols <= kMostInt8Columns, "accumulate: too many columns for sums in int32");
  HWY_DYNAMIC_DISPATCH(accumulate_int8)
  (w.data, w.stride, w.rows, w.cols, scales.data(), x.q.data(), x.scale, y.data());
}

void tanh_in_place(std::span<float> x) { HWY_DYNAMIC_DISPATCH(tanh_all)(x.data(), nullptr, x.data(), x.size()); }

void tanh_of_sum(std::span<const float> a, std::span<const float> b, std::span<float> out) {
  expects(a.size() == out.size() && b.size() == out.size(), "tanh_of_sum: lengths differ");
  HWY_DYNAMIC_DISPATCH(tanh_all)(a.data(), b.data(), out.data(), out.size());
}

void sigmoid_in_place(std::span<float> x) { HWY_DYNAMIC_DISPATCH(sigmoid_all)(x.data(), x.size()); }

void lstm_cells(std::span<const float> gates, std::span<float> c, std::span<float> m) {
  expects(gates.size() == 4 * c.size() && m.size() == c.size(), "lstm_cells: lengths differ");
  HWY_DYNAMIC_DISPATCH(cells_all)(gates.data(), c.data(), m.data(), c.size());
}

void layer_norm(std::span<const float> x,
                std::span<const float> gain,
                std::span<const float> bias,
                std::span<float> out) {
  expects(!x.empty() && gain.size() == x.size() && bias.size() == x.size() && out.size() == x.size(),
          "layer_norm: lengths differ or are 0");
  HWY_DYNAMIC_DISPATCH(norm_all)(x.data(), gain.data(), bias.data(), out.data(), x.size());
}

void log_softmax_in_place(std::span<float> x) {
  expects(!x.empty(), "log_softmax: nothing there");
  HWY_DYNAMIC_DISPATCH(log_softmax_all)(x.data(), x.size());
}

void relu_in_place(std::span<float> x) {
  for (float& v : x) v = std::max(v, 0.0f);
}

}  // namespace pipit
#endif  // HWY_ONCE
