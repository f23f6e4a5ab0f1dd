// bits/half.h — 16-bit storage formats and their exact scalar conversions: the definition that every fast path must
// meet. Source: IEEE 754-2019, sec. 3.4 (binary16), 4.3.1 (nearest, ties to even). Plain portable C++, usable in
// constexpr.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include "bits/format.h"

namespace pipit {

/// IEEE binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Storage only; arithmetic lives in half_number.h.
struct half {
  std::uint16_t bits = 0;
};

/// Upper 16 bits of a binary32: 1 sign, 8 exponent, 7 fraction bits. Storage only.
struct bfloat16 {
  std::uint16_t bits = 0;
};

inline constexpr float kHalfMax = 65504.0f;
inline constexpr float kHalfMinNormal = 0x1p-14f;
inline constexpr float kHalfMinSubnormal = 0x1p-24f;

template <class T>
inline constexpr Format kFormatOf = Format::Double;
template <>
inline constexpr Format kFormatOf<half> = Format::Half;
template <>
inline constexpr Format kFormatOf<bfloat16> = Format::BFloat16;
template <>
inline constexpr Format kFormatOf<float> = Format::Single;

/// Exact. A signalling NaN becomes quiet; its payload is kept.
constexpr float to_float(half x) {
  const std::uint32_t sign = std::uint32_t{x.bits & 0x8000u} << 16;
  const std::uint32_t magnitude = x.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity, NaN
    const std::uint32_t quiet = magnitude > 0x7c00u ? 0x00400000u : 0u;
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13) | quiet);
  }
  if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
  const float subnormal = static_cast<float>(magnitude) * kHalfMinSubnormal;  // exact: at most 10 bits
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(subnormal));
}

/// Exact. A signalling NaN becomes quiet.
constexpr float to_float(bfloat16 x) {
  const std::uint32_t quiet = (x.bits & 0x7fffu) > 0x7f80u ? 0x00400000u : 0u;
  return std::bit_cast<float>((std::uint32_t{x.bits} << 16) | quiet);
}

/// One rounding, to nearest, ties to even. Finite values from 65520 on become infinity; below 2^-14 the result is
/// subnormal (gradual), at most 2^-25 becomes zero. The sign is kept always. NaN stays NaN, quiet, top payload bits
/// kept.
constexpr half to_half(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t out = 0;
  if (magnitude > 0x7f800000u) {
    out = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) {  // 65520
    out = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {  // 2^-14: drop 13 bits
    out = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
  } else if (magnitude > 0x33000000u) {  // above 2^-25: the quotient by 2^-24, rounded
    const std::uint32_t drop = 126u - (magnitude >> 23);
    const std::uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t kept = fraction >> drop, rest = fraction & ((1u << drop) - 1u), tie = 1u << (drop - 1u);
    out = kept + (rest > tie || (rest == tie && (kept & 1u)) ? 1u : 0u);
  }
  return {static_cast<std::uint16_t>(sign | out)};
}

/// One rounding, as above: never by way of a rounded float (that would round twice).
constexpr half to_half(double x) {
  // Keep the upper 24 bits of the significand and let the last of them say whether anything below was set ("round to
  // odd"). That value fits a float, and rounding it again gives what one rounding would have given: 24 >= 11 + 2.
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  constexpr std::uint64_t kLow = (std::uint64_t{1} << 29) - 1;
  const std::uint64_t magnitude = bits & 0x7fffffffffffffffu;
  const auto sign = static_cast<std::uint16_t>((bits >> 48) & 0x8000u);
  if (magnitude > 0x7ff0000000000000u) return {static_cast<std::uint16_t>(sign | 0x7e00u | ((bits >> 42) & 0x3ffu))};
  if (magnitude >= 0x40effe0000000000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};  // 65520
  if (magnitude <= 0x3e60000000000000u) return {sign};                                        // 2^-25
  const std::uint64_t odd = (bits & ~kLow) | ((bits & kLow) != 0 ? kLow + 1 : 0);
  return to_half(static_cast<float>(std::bit_cast<double>(odd)));  // exact conversion: 24 bits, exponent in range
}

/// One rounding, to nearest, ties to even; subnormals kept; overflow to infinity; NaN stays NaN, quiet.
constexpr bfloat16 to_bfloat16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

/// One rounding, as above.
constexpr bfloat16 to_bfloat16(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t magnitude = bits & 0x7fffffffffffffffu;
  const auto sign = static_cast<std::uint16_t>((bits >> 48) & 0x8000u);
  if (magnitude > 0x7ff0000000000000u) return {static_cast<std::uint16_t>(sign | 0x7fc0u | ((bits >> 45) & 0x7fu))};
  if (magnitude >= 0x47f0000000000000u) return {static_cast<std::uint16_t>(sign | 0x7f80u)};  // 2^128
  if (magnitude <= 0x3790000000000000u) return {sign};  // 2^-134, half of the smallest subnormal
  const int exponent = static_cast<int>(magnitude >> 52) - 1023;
  const std::uint64_t fraction = (magnitude & 0xfffffffffffffu) | 0x10000000000000u;
  const int drop = exponent >= -126 ? 45 : 45 + (-126 - exponent);  // at most 53
  const std::uint64_t kept = fraction >> drop, rest = fraction & ((std::uint64_t{1} << drop) - 1);
  const std::uint64_t tie = std::uint64_t{1} << (drop - 1);
  const std::uint64_t rounded = kept + (rest > tie || (rest == tie && (kept & 1u)) ? 1u : 0u);
  const std::uint64_t base = exponent >= -126 ? static_cast<std::uint64_t>(exponent + 126) << 7 : 0;
  return {static_cast<std::uint16_t>(sign | (base + rounded))};  // a carry moves into the exponent, as it should
}

/// The half nearest to x, as a float: to_float(to_half(x)).
constexpr float round_to_half(float x) { return to_float(to_half(x)); }
constexpr float round_to_half(double x) { return to_float(to_half(x)); }

/// Any format to any other, one rounding (exact where the target is wider). Same names for templates.
constexpr double to_double(half x) { return static_cast<double>(to_float(x)); }
constexpr double to_double(bfloat16 x) { return static_cast<double>(to_float(x)); }
constexpr double to_double(float x) { return static_cast<double>(x); }
constexpr double to_double(double x) { return x; }

template <class To>
constexpr To from_double(double x) {
  if constexpr (kFormatOf<To> == Format::Half) {
    return to_half(x);
  } else if constexpr (kFormatOf<To> == Format::BFloat16) {
    return to_bfloat16(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace pipit
