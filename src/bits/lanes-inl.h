// bits/lanes-inl.h — loads and stores of 16-bit formats as fp32 lanes, once per instruction set. Only for .cc files of
// bits and nn.
#if defined(PIPIT_BITS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIPIT_BITS_LANES_INL_H_
#undef PIPIT_BITS_LANES_INL_H_
#else
#define PIPIT_BITS_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include "bits/half.h"

// Whether the instruction set converts half by itself (F16C, Armv8). Elsewhere integer code below gives the same bits;
// Highway's own emulation leaves out infinity and NaN.
#undef PIPIT_NATIVE_HALF
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_ARCH_ARM_A64
#define PIPIT_NATIVE_HALF 1
#else
#define PIPIT_NATIVE_HALF 0
#endif

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using LanesOf = hn::Vec<D>;

template <class D>
HWY_INLINE LanesOf<D> load_as(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE LanesOf<D> load_as(D d, const double* p) {
  return hn::LoadU(d, p);
}

template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> load_bits(D, const std::uint16_t* p) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<std::uint16_t, D> d16;
  return hn::PromoteTo(du, hn::LoadU(d16, p));
}

/// Lanes(d) halves as float, exactly to_float(half).
template <class D>
HWY_INLINE LanesOf<D> load_as(D d, const half* p) {
#if PIPIT_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
#else
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto bits = load_bits(d, &p->bits);
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000u)));
  const auto magnitude = hn::And(bits, hn::Set(du, 0x7fffu));
  const auto wide = hn::ShiftLeft<13>(magnitude);
  const auto normal = hn::Add(wide, hn::Set(du, 112u << 23));
  // 2^-14 (1 + m / 1024) - 2^-14 = m 2^-24, exact
  const auto subnormal =
      hn::BitCast(du, hn::Sub(hn::BitCast(d, hn::Add(wide, hn::Set(du, 113u << 23))), hn::Set(d, kHalfMinNormal)));
  const auto signed_magnitude = hn::BitCast(di, magnitude);
  const auto is_small = hn::RebindMask(du, hn::Lt(signed_magnitude, hn::Set(di, 0x0400)));
  const auto is_special = hn::RebindMask(du, hn::Gt(signed_magnitude, hn::Set(di, 0x7bff)));
  const auto is_nan = hn::RebindMask(du, hn::Gt(signed_magnitude, hn::Set(di, 0x7c00)));
  const auto special =
      hn::Or(hn::Or(wide, hn::Set(du, 0x7f800000u)), hn::IfThenElseZero(is_nan, hn::Set(du, 0x00400000u)));
  const auto out = hn::IfThenElse(is_special, special, hn::IfThenElse(is_small, subnormal, normal));
  return hn::BitCast(d, hn::Or(out, sign));
#endif
}

/// Lanes(d) bfloat16 as float. A signalling NaN stays signalling (the next operation quiets it).
template <class D>
HWY_INLINE LanesOf<D> load_as(D d, const bfloat16* p) {
  return hn::BitCast(d, hn::ShiftLeft<16>(load_bits(d, &p->bits)));
}

template <class D, class V>
HWY_INLINE void store_bits(D, V bits, std::uint16_t* p) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint16_t, D> d16;
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, bits)), d16, p);
}

template <class D>
HWY_INLINE void store_as(D d, LanesOf<D> v, float* p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void store_as(D d, LanesOf<D> v, double* p) {
  hn::StoreU(v, d, p);
}

#if !PIPIT_NATIVE_HALF
/// The 16 bits of to_half(v), in 32-bit lanes.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> half_bits(D d, LanesOf<D> v) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(du, v);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 0x8000u));
  const auto magnitude = hn::And(bits, hn::Set(du, 0x7fffffffu));
  const auto even = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 1u));
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, even), hn::Set(du, 0xfffu - (112u << 23))));
  // the sum has units of 2^-24: adding 0.5 rounds as a subnormal half does
  const auto half_unit = hn::Set(d, 0.5f);
  const auto subnormal =
      hn::Sub(hn::BitCast(du, hn::Add(hn::BitCast(d, magnitude), half_unit)), hn::BitCast(du, half_unit));
  const auto m = hn::BitCast(di, magnitude);
  const auto is_small = hn::RebindMask(du, hn::Lt(m, hn::Set(di, 0x38800000)));
  const auto is_large = hn::RebindMask(du, hn::Gt(m, hn::Set(di, 0x477fefff)));
  const auto is_nan = hn::RebindMask(du, hn::Gt(m, hn::Set(di, 0x7f800000)));
  const auto payload = hn::Or(hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 0x3ffu)), hn::Set(du, 0x7e00u));
  const auto special = hn::IfThenElse(is_nan, payload, hn::Set(du, 0x7c00u));
  const auto out = hn::IfThenElse(is_large, special, hn::IfThenElse(is_small, subnormal, normal));
  return hn::Or(out, sign);
}
#endif

/// Stores to_half of each lane.
template <class D>
HWY_INLINE void store_as([[maybe_unused]] D d, LanesOf<D> v, half* p) {
#if PIPIT_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, D> d16;
  hn::StoreU(hn::DemoteTo(d16, v), d16, reinterpret_cast<hwy::float16_t*>(p));
#else
  store_bits(d, half_bits(d, v), &p->bits);
#endif
}

/// Stores to_bfloat16 of each lane.
template <class D>
HWY_INLINE void store_as(D d, LanesOf<D> v, bfloat16* p) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto top = hn::ShiftRight<16>(bits);
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::And(top, hn::Set(du, 1u))), hn::Set(du, 0x7fffu)));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  store_bits(d, hn::IfThenElse(is_nan, hn::Or(top, hn::Set(du, 0x40u)), rounded), &p->bits);
}

/// Each lane rounded to the nearest half and back: round_to_half(float).
template <class D>
HWY_INLINE LanesOf<D> round_lanes_to_half([[maybe_unused]] D d, LanesOf<D> v) {
#if PIPIT_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::DemoteTo(d16, v));
#else
  half buffer[hn::MaxLanes(d)];
  store_as(d, v, buffer);
  return load_as(d, buffer);
#endif
}

/// fp64 lanes to fp32 lanes by "round to odd" (see to_half(double)): rounding the result to half equals one rounding.
template <class DF, class DD>
HWY_INLINE LanesOf<DF> demote_to_odd(DF df, DD, LanesOf<DD> v) {
  const DD dd;
  const hn::RebindToUnsigned<DD> du;
  const auto low = hn::Set(du, (std::uint64_t{1} << 29) - 1);
  const auto unit = hn::Set(du, std::uint64_t{1} << 29);
  const auto bits = hn::BitCast(du, v);
  const auto sticky = hn::And(hn::Add(hn::And(bits, low), low), unit);
  return hn::DemoteTo(df, hn::BitCast(dd, hn::Or(hn::AndNot(low, bits), sticky)));
}

/// round(round(a b) + c) or round(a b + c), every rounding to half: mul_add of half_number.h, lane by lane.
template <Accumulate A, class D>
HWY_INLINE LanesOf<D> half_mul_add(D d, LanesOf<D> a, LanesOf<D> b, LanesOf<D> c) {
  if constexpr (A == Accumulate::Single) {
    return hn::Add(hn::Mul(a, b), c);
  } else if constexpr (A == Accumulate::HalfSeparate) {
    return round_lanes_to_half(d, hn::Add(round_lanes_to_half(d, hn::Mul(a, b)), c));
  } else {
#if HWY_TARGET == HWY_SCALAR
    const double sum = static_cast<double>(hn::GetLane(a)) * hn::GetLane(b) + hn::GetLane(c);
    return hn::Set(d, round_to_half(sum));
#else
    float la[hn::MaxLanes(d)], lb[hn::MaxLanes(d)], lc[hn::MaxLanes(d)];
    hn::StoreU(a, d, la);
    hn::StoreU(b, d, lb);
    hn::StoreU(c, d, lc);
    constexpr size_t kWide = HWY_MAX(hn::MaxLanes(d) / 2, 1);
    const hn::CappedTag<double, kWide> dd;
    const hn::Rebind<float, decltype(dd)> df;
    for (size_t i = 0; i < hn::MaxLanes(d); i += hn::Lanes(dd)) {
      const auto wide_a = hn::PromoteTo(dd, hn::LoadU(df, la + i));
      const auto wide_b = hn::PromoteTo(dd, hn::LoadU(df, lb + i));
      const auto wide_c = hn::PromoteTo(dd, hn::LoadU(df, lc + i));
      hn::StoreU(demote_to_odd(df, dd, hn::Add(hn::Mul(wide_a, wide_b), wide_c)), df, la + i);
    }
    return round_lanes_to_half(d, hn::LoadU(d, la));
#endif
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();
#endif  // include guard per target
