#include "bits/convert.h"

#include <cstring>
#include <type_traits>

#include "base/contract.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bits/convert.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

const char* set_name() { return hwy::TargetName(HWY_TARGET); }

#if HWY_TARGET == HWY_SCALAR
template <class From, class To>
void convert_loop(const From* from, To* to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = from_double<To>(to_double(from[i]));
}
#else

/// Lanes(d) elements: whatever the format, by way of fp32 lanes (round to odd from fp64, so nothing rounds twice).
template <class DF, class From, class To>
HWY_INLINE void convert_step(DF df, const From* from, To* to) {
  const hn::Rebind<double, DF> dd;
  if constexpr (std::is_same_v<From, double>) {
    store_as(df, demote_to_odd(df, dd, hn::LoadU(dd, from)), to);
  } else if constexpr (std::is_same_v<To, double>) {
    hn::StoreU(hn::PromoteTo(dd, load_as(df, from)), dd, to);
  } else {
    auto v = load_as(df, from);
    if constexpr (std::is_same_v<From, bfloat16>) {  // a signalling NaN becomes quiet
      const hn::RebindToUnsigned<DF> du;
      v = hn::IfThenElse(hn::IsNaN(v), hn::Or(v, hn::BitCast(df, hn::Set(du, 0x00400000u))), v);
    }
    store_as(df, v, to);
  }
}

template <class From, class To>
void convert_loop(const From* HWY_RESTRICT from, To* HWY_RESTRICT to, size_t n) {
  constexpr bool kWide = std::is_same_v<From, double> || std::is_same_v<To, double>;
  const hn::ScalableTag<double> dd;
  const std::conditional_t<kWide, hn::Rebind<float, decltype(dd)>, hn::ScalableTag<float> > df;
  const size_t lanes = hn::Lanes(df);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) convert_step(df, from + i, to + i);
  if (i == n) return;
  From last_from[hn::MaxLanes(df)] = {};
  To last_to[hn::MaxLanes(df)];
  std::memcpy(last_from, from + i, (n - i) * sizeof(From));
  convert_step(df, last_from, last_to);
  std::memcpy(to + i, last_to, (n - i) * sizeof(To));
}

/// Plain code: a single rounding by the processor, and below the normal range round-to-odd would not do.
template <>
void convert_loop(const double* HWY_RESTRICT from, float* HWY_RESTRICT to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]);
}
template <>
void convert_loop(const double* HWY_RESTRICT from, bfloat16* HWY_RESTRICT to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = to_bfloat16(from[i]);
}
#endif

// one name per pair: a dispatch table is made by name
void half_to_bfloat16(const half* f, bfloat16* t, size_t n) { convert_loop(f, t, n); }
void half_to_float(const half* f, float* t, size_t n) { convert_loop(f, t, n); }
void half_to_double(const half* f, double* t, size_t n) { convert_loop(f, t, n); }
void bfloat16_to_half(const bfloat16* f, half* t, size_t n) { convert_loop(f, t, n); }
void bfloat16_to_float(const bfloat16* f, float* t, size_t n) { convert_loop(f, t, n); }
void bfloat16_to_double(const bfloat16* f, double* t, size_t n) { convert_loop(f, t, n); }
void float_to_half(const float* f, half* t, size_t n) { convert_loop(f, t, n); }
void float_to_bfloat16(const float* f, bfloat16* t, size_t n) { convert_loop(f, t, n); }
void float_to_double(const float* f, double* t, size_t n) { convert_loop(f, t, n); }
void double_to_half(const double* f, half* t, size_t n) { convert_loop(f, t, n); }
void double_to_bfloat16(const double* f, bfloat16* t, size_t n) { convert_loop(f, t, n); }
void double_to_float(const double* f, float* t, size_t n) { convert_loop(f, t, n); }

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(set_name);
HWY_EXPORT(half_to_bfloat16);
HWY_EXPORT(half_to_float);
HWY_EXPORT(half_to_double);
HWY_EXPORT(bfloat16_to_half);
HWY_EXPORT(bfloat16_to_float);
HWY_EXPORT(bfloat16_to_double);
HWY_EXPORT(float_to_half);
HWY_EXPORT(float_to_bfloat16);
HWY_EXPORT(float_to_double);
HWY_EXPORT(double_to_half);
HWY_EXPORT(double_to_bfloat16);
HWY_EXPORT(double_to_float);

void run(const half* f, bfloat16* t, size_t n) { HWY_DYNAMIC_DISPATCH(half_to_bfloat16)(f, t, n); }
void run(const half* f, float* t, size_t n) { HWY_DYNAMIC_DISPATCH(half_to_float)(f, t, n); }
void run(const half* f, double* t, size_t n) { HWY_DYNAMIC_DISPATCH(half_to_double)(f, t, n); }
void run(const bfloat16* f, half* t, size_t n) { HWY_DYNAMIC_DISPATCH(bfloat16_to_half)(f, t, n); }
void run(const bfloat16* f, float* t, size_t n) { HWY_DYNAMIC_DISPATCH(bfloat16_to_float)(f, t, n); }
void run(const bfloat16* f, double* t, size_t n) { HWY_DYNAMIC_DISPATCH(bfloat16_to_double)(f, t, n); }
void run(const float* f, half* t, size_t n) { HWY_DYNAMIC_DISPATCH(float_to_half)(f, t, n); }
void run(const float* f, bfloat16* t, size_t n) { HWY_DYNAMIC_DISPATCH(float_to_bfloat16)(f, t, n); }
void run(const float* f, double* t, size_t n) { HWY_DYNAMIC_DISPATCH(float_to_double)(f, t, n); }
void run(const double* f, half* t, size_t n) { HWY_DYNAMIC_DISPATCH(double_to_half)(f, t, n); }
void run(const double* f, bfloat16* t, size_t n) { HWY_DYNAMIC_DISPATCH(double_to_bfloat16)(f, t, n); }
void run(const double* f, float* t, size_t n) { HWY_DYNAMIC_DISPATCH(double_to_float)(f, t, n); }

/// Sign removed, as an integer: magnitudes of IEEE numbers compare as their bits do.
std::uint64_t magnitude_of(half x) { return x.bits & 0x7fffu; }
std::uint64_t magnitude_of(bfloat16 x) { return x.bits & 0x7fffu; }
std::uint64_t magnitude_of(float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffffu; }
std::uint64_t magnitude_of(double x) { return std::bit_cast<std::uint64_t>(x) & 0x7fffffffffffffffu; }

template <class T>
constexpr std::uint64_t kInfinity = kFormatOf<T> == Format::Half       ? 0x7c00u
                                    : kFormatOf<T> == Format::BFloat16 ? 0x7f80u
                                    : kFormatOf<T> == Format::Single   ? 0x7f800000u
                                                                       : 0x7ff0000000000000u;
template <class T>
constexpr std::uint64_t kMinNormal = kFormatOf<T> == Format::Half       ? 0x0400u
                                     : kFormatOf<T> == Format::BFloat16 ? 0x0080u
                                     : kFormatOf<T> == Format::Single   ? 0x00800000u
                                                                        : 0x0010000000000000u;

template <class From, class To>
void count(std::span<const From> from, std::span<const To> to, RangeCounters& counters) {
  RangeCounters seen;
  for (size_t i = 0; i < from.size(); ++i) {
    const std::uint64_t before = magnitude_of(from[i]), after = magnitude_of(to[i]);
    seen.overflow += before < kInfinity<From> && after == kInfinity<To>;
    seen.underflow += before != 0 && after == 0;
    seen.subnormal += after != 0 && after < kMinNormal<To>;
  }
  counters += seen;
}

}  // namespace

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(set_name)(); }

template <class From, class To>
void convert(std::span<const From> from, std::span<To> to, RangeCounters* counters) {
  expects(from.size() == to.size(), "convert: lengths differ");
  if (from.empty()) return;
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to.data(), from.data(), from.size_bytes());
  } else {
    run(from.data(), to.data(), from.size());
  }
  if (counters) count<From, To>(from, to, *counters);
}

#define PIPIT_CONVERT_FROM(From)                                                     \
  template void convert(std::span<const From>, std::span<half>, RangeCounters*);     \
  template void convert(std::span<const From>, std::span<bfloat16>, RangeCounters*); \
  template void convert(std::span<const From>, std::span<float>, RangeCounters*);    \
  template void convert(std::span<const From>, std::span<double>, RangeCounters*);
PIPIT_CONVERT_FROM(half)
PIPIT_CONVERT_FROM(bfloat16)
PIPIT_CONVERT_FROM(float)
PIPIT_CONVERT_FROM(double)
#undef PIPIT_CONVERT_FROM

}  // namespace pipit
#endif
