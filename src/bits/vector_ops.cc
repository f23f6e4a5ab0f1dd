#include "bits/vector_ops.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/contract.h"
#include "bits/half_number.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bits/vector_ops.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

/// Sum of x y over one run: four chains hide the latency of the multiply-add. Leaves the lanes in `lane_sums`.
template <class D, class T>
HWY_INLINE void dot_run(D d, const T* HWY_RESTRICT x, const T* HWY_RESTRICT y, size_t n, T* lane_sums) {
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, x + i + lanes), hn::LoadU(d, y + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * lanes), hn::LoadU(d, y + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * lanes), hn::LoadU(d, y + i + 3 * lanes), s3);
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), s0);
  hn::StoreU(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, lane_sums);
  for (size_t lane = 0; i < n; ++i, ++lane) lane_sums[lane] += x[i] * y[i];
}

double dot_float(const float* x, const float* y, size_t n) {
  const hn::CappedTag<float, 16> d;
  float lane_sums[hn::MaxLanes(d)];
  double total[hn::MaxLanes(d)] = {};
  for (size_t begin = 0; begin < n; begin += kDotRun) {
    dot_run(d, x + begin, y + begin, HWY_MIN(kDotRun, n - begin), lane_sums);
    for (size_t k = 0; k < hn::Lanes(d); ++k) total[k] += static_cast<double>(lane_sums[k]);
  }
  double sum = 0;
  for (size_t k = 0; k < hn::Lanes(d); ++k) sum += total[k];
  return sum;
}

double dot_double(const double* x, const double* y, size_t n) {
  const hn::CappedTag<double, 8> d;
  double lane_sums[hn::MaxLanes(d)];
  dot_run(d, x, y, n, lane_sums);
  double sum = 0;
  for (size_t k = 0; k < hn::Lanes(d); ++k) sum += lane_sums[k];
  return sum;
}

/// y = a x + b y with a or b known to be one: kAxpy y = a x + y, otherwise y = x + a y.
template <bool kAxpy, class T>
HWY_INLINE void update_loop(T a, const T* x, T* y, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto va = hn::Set(d, a);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto vx = hn::LoadU(d, x + i), vy = hn::LoadU(d, y + i);
    hn::StoreU(kAxpy ? hn::MulAdd(va, vx, vy) : hn::MulAdd(va, vy, vx), d, y + i);
  }
  for (; i < n; ++i) y[i] = kAxpy ? a * x[i] + y[i] : x[i] + a * y[i];
}
void axpy_float(float a, const float* x, float* y, size_t n) { update_loop<true>(a, x, y, n); }
void axpy_double(double a, const double* x, double* y, size_t n) { update_loop<true>(a, x, y, n); }
void xpby_float(float a, const float* x, float* y, size_t n) { update_loop<false>(a, x, y, n); }
void xpby_double(double a, const double* x, double* y, size_t n) { update_loop<false>(a, x, y, n); }
void scale_float(float a, float* HWY_RESTRICT x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] *= a;
}
void scale_double(double a, double* HWY_RESTRICT x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] *= a;
}

/// The largest magnitude as an integer: NaN is larger than infinity, infinity larger than the rest. Signed lanes, since
/// every instruction set compares those.
template <class I>
HWY_INLINE I max_magnitude(const I* HWY_RESTRICT x, size_t n, I sign_removed) {
  const hn::ScalableTag<I> d;
  const size_t lanes = hn::Lanes(d);
  const auto mask = hn::Set(d, sign_removed);
  auto best = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) best = hn::Max(best, hn::And(hn::LoadU(d, x + i), mask));
  I lane_best[hn::MaxLanes(d)];
  hn::StoreU(best, d, lane_best);
  I result = 0;
  for (size_t k = 0; k < lanes; ++k) result = HWY_MAX(result, lane_best[k]);
  for (; i < n; ++i) {
    I element;
    std::memcpy(&element, x + i, sizeof(I));  // the elements are floating-point numbers: only their bytes are read
    const I magnitude = static_cast<I>(element & sign_removed);
    result = HWY_MAX(result, magnitude);
  }
  return result;
}
std::int32_t max_float(const std::int32_t* x, size_t n) { return max_magnitude<std::int32_t>(x, n, 0x7fffffff); }
std::int64_t max_double(const std::int64_t* x, size_t n) {
  return max_magnitude<std::int64_t>(x, n, 0x7fffffffffffffff);
}
std::int16_t max_half(const std::int16_t* x, size_t n) { return max_magnitude<std::int16_t>(x, n, 0x7fff); }

/// Adds whole groups of 32 products to 32 partial sums. n is a multiple of 32.
template <Accumulate A>
HWY_INLINE void dot_half_loop(const half* x, const half* y, size_t n, float* part) {
  const hn::CappedTag<float, 16> d;
  for (size_t i = 0; i < n; i += 32)
    for (size_t k = 0; k < 32; k += hn::Lanes(d))
      hn::StoreU(half_mul_add<A>(d, load_as(d, x + i + k), load_as(d, y + i + k), hn::LoadU(d, part + k)), d, part + k);
}
void dot_half(const half* x, const half* y, size_t n, Accumulate accumulate, float* part) {
  switch (accumulate) {
    case Accumulate::Single:
      return dot_half_loop<Accumulate::Single>(x, y, n, part);
    case Accumulate::HalfSeparate:
      return dot_half_loop<Accumulate::HalfSeparate>(x, y, n, part);
    case Accumulate::HalfFused:
      return dot_half_loop<Accumulate::HalfFused>(x, y, n, part);
  }
}

/// y = round(a x + y), or round(x + a y) when not kAxpy; the tail goes through a padded copy.
template <Accumulate A, bool kAxpy>
HWY_INLINE void update_half_loop(half a, const half* x, half* y, size_t n) {
  const hn::CappedTag<float, 16> d;
  const size_t lanes = hn::Lanes(d);
  const auto va = hn::Set(d, to_float(a));
  for (size_t i = 0; i < n; i += lanes) {
    half last_x[hn::MaxLanes(d)] = {}, last_y[hn::MaxLanes(d)] = {};
    const bool whole = i + lanes <= n;
    const half* from = x + i;
    half* to = y + i;
    if (!whole) {
      std::memcpy(last_x, x + i, (n - i) * sizeof(half));
      std::memcpy(last_y, y + i, (n - i) * sizeof(half));
      from = last_x;
      to = last_y;
    }
    const auto vx = load_as(d, from), vy = load_as(d, to);
    store_as(d, kAxpy ? half_mul_add<A>(d, va, vx, vy) : half_mul_add<A>(d, va, vy, vx), to);
    if (!whole) std::memcpy(y + i, last_y, (n - i) * sizeof(half));
  }
}
template <bool kAxpy>
HWY_INLINE void update_half(half a, const half* x, half* y, size_t n, Accumulate accumulate) {
  switch (accumulate) {
    case Accumulate::Single:
      return update_half_loop<Accumulate::Single, kAxpy>(a, x, y, n);
    case Accumulate::HalfSeparate:
      return update_half_loop<Accumulate::HalfSeparate, kAxpy>(a, x, y, n);
    case Accumulate::HalfFused:
      return update_half_loop<Accumulate::HalfFused, kAxpy>(a, x, y, n);
  }
}
void axpy_half(half a, const half* x, half* y, size_t n, Accumulate accumulate) {
  update_half<true>(a, x, y, n, accumulate);
}
void xpby_half(half a, const half* x, half* y, size_t n, Accumulate accumulate) {
  update_half<false>(a, x, y, n, accumulate);
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(dot_float);
HWY_EXPORT(dot_double);
HWY_EXPORT(axpy_float);
HWY_EXPORT(axpy_double);
HWY_EXPORT(xpby_float);
HWY_EXPORT(xpby_double);
HWY_EXPORT(scale_float);
HWY_EXPORT(scale_double);
HWY_EXPORT(max_float);
HWY_EXPORT(max_double);
HWY_EXPORT(max_half);
HWY_EXPORT(dot_half);
HWY_EXPORT(axpy_half);
HWY_EXPORT(xpby_half);

void same(size_t a, size_t b, std::string_view what) { expects(a == b, what); }

template <class N>
N tree_sum(const float (&start)[32], std::span<const half> x, std::span<const half> y) {
  N part[32];
  for (size_t k = 0; k < 32; ++k) part[k] = N(start[k]);
  for (size_t k = 0; k < x.size(); ++k) part[k] = mul_add(number_from<N>(x[k]), number_from<N>(y[k]), part[k]);
  for (size_t width = 16; width > 0; width /= 2)
    for (size_t k = 0; k < width; ++k) part[k] += part[k + width];
  return part[0];
}

}  // namespace

double dot(std::span<const float> x, std::span<const float> y) {
  same(x.size(), y.size(), "dot: lengths differ");
  return HWY_DYNAMIC_DISPATCH(dot_float)(x.data(), y.data(), x.size());
}
double dot(std::span<const double> x, std::span<const double> y) {
  same(x.size(), y.size(), "dot: lengths differ");
  return HWY_DYNAMIC_DISPATCH(dot_double)(x.data(), y.data(), x.size());
}
void axpy(float a, std::span<const float> x, std::span<float> y) {
  same(x.size(), y.size(), "axpy: lengths differ");
  HWY_DYNAMIC_DISPATCH(axpy_float)(a, x.data(), y.data(), x.size());
}
void axpy(double a, std::span<const double> x, std::span<double> y) {
  same(x.size(), y.size(), "axpy: lengths differ");
  HWY_DYNAMIC_DISPATCH(axpy_double)(a, x.data(), y.data(), x.size());
}
void xpby(std::span<const float> x, float b, std::span<float> y) {
  same(x.size(), y.size(), "xpby: lengths differ");
  HWY_DYNAMIC_DISPATCH(xpby_float)(b, x.data(), y.data(), x.size());
}
void xpby(std::span<const double> x, double b, std::span<double> y) {
  same(x.size(), y.size(), "xpby: lengths differ");
  HWY_DYNAMIC_DISPATCH(xpby_double)(b, x.data(), y.data(), x.size());
}
void scale(float a, std::span<float> x) { HWY_DYNAMIC_DISPATCH(scale_float)(a, x.data(), x.size()); }
void scale(double a, std::span<double> x) { HWY_DYNAMIC_DISPATCH(scale_double)(a, x.data(), x.size()); }
double norm2(std::span<const float> x) { return std::sqrt(dot(x, x)); }
double norm2(std::span<const double> x) { return std::sqrt(dot(x, x)); }
float max_abs(std::span<const float> x) {
  const auto* bits = reinterpret_cast<const std::int32_t*>(x.data());
  return std::bit_cast<float>(HWY_DYNAMIC_DISPATCH(max_float)(bits, x.size()));
}
double max_abs(std::span<const double> x) {
  const auto* bits = reinterpret_cast<const std::int64_t*>(x.data());
  return std::bit_cast<double>(HWY_DYNAMIC_DISPATCH(max_double)(bits, x.size()));
}
float max_abs(std::span<const half> x) {
  const auto* bits = reinterpret_cast<const std::int16_t*>(x.data());
  return to_float(half{static_cast<std::uint16_t>(HWY_DYNAMIC_DISPATCH(max_half)(bits, x.size()))});
}

half dot(std::span<const half> x, std::span<const half> y, Accumulate accumulate) {
  same(x.size(), y.size(), "dot: lengths differ");
  const size_t whole = x.size() / 32 * 32;
  float part[32] = {};
  HWY_DYNAMIC_DISPATCH(dot_half)(x.data(), y.data(), whole, accumulate, part);
  const auto rest_x = x.subspan(whole), rest_y = y.subspan(whole);
  switch (accumulate) {
    case Accumulate::Single:
      return to_half(tree_sum<float>(part, rest_x, rest_y));
    case Accumulate::HalfSeparate:
      return tree_sum<SeparateHalf>(part, rest_x, rest_y).bits();
    case Accumulate::HalfFused:
      break;
  }
  return tree_sum<FusedHalf>(part, rest_x, rest_y).bits();
}
void axpy(half a, std::span<const half> x, std::span<half> y, Accumulate accumulate) {
  same(x.size(), y.size(), "axpy: lengths differ");
  HWY_DYNAMIC_DISPATCH(axpy_half)(a, x.data(), y.data(), x.size(), accumulate);
}
void xpby(std::span<const half> x, half b, std::span<half> y, Accumulate accumulate) {
  same(x.size(), y.size(), "xpby: lengths differ");
  HWY_DYNAMIC_DISPATCH(xpby_half)(b, x.data(), y.data(), x.size(), accumulate);
}
void scale(half a, std::span<half> x) {
  for (half& element : x) element = to_half(to_float(a) * to_float(element));
}
half norm2(std::span<const half> x, Accumulate accumulate) {
  return to_half(std::sqrt(to_float(dot(x, x, accumulate))));
}

}  // namespace pipit
#endif
