// bits/format.h — the number formats of Pipit, by name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pipit {

/// A storage format. Unit round-off u, smallest normal, largest finite:
///   Half      2^-11, 2^-14,   65504      IEEE 754 binary16
///   BFloat16  2^-8,  2^-126,  3.39e38    upper half of binary32
///   Single    2^-24, 2^-126,  3.40e38
///   Double    2^-53, 2^-1022, 1.80e308
enum class Format : std::uint8_t { Half, BFloat16, Single, Double };

/// How a kernel with half operands adds up.
///   Single        operands half, products and sums in fp32 (tensor cores, NPUs)
///   HalfSeparate  round to half after the multiplication and again after the addition
///   HalfFused     round to half once per multiply-add (NEON fmla, GPU hfma)
enum class Accumulate : std::uint8_t { Single, HalfSeparate, HalfFused };

constexpr std::string_view name(Format format) {
  switch (format) {
    case Format::Half:
      return "half";
    case Format::BFloat16:
      return "bfloat16";
    case Format::Single:
      return "single";
    case Format::Double:
      return "double";
  }
  return "?";
}

constexpr std::size_t bytes_of(Format format) {
  return format == Format::Double ? 8 : format == Format::Single ? 4 : 2;
}

/// Largest relative error of rounding a normal number to nearest.
constexpr double unit_roundoff(Format format) {
  switch (format) {
    case Format::Half:
      return 0x1p-11;
    case Format::BFloat16:
      return 0x1p-8;
    case Format::Single:
      return 0x1p-24;
    case Format::Double:
      break;
  }
  return 0x1p-53;
}

}  // namespace pipit
