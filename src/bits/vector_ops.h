// bits/vector_ops.h — long vectors: sums of products, updates, norms.
// Source of the bounds: Higham, Accuracy and Stability of Numerical Algorithms (2002), sec. 3.1: gamma_n = n u / (1 - n
// u).
#pragma once
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "bits/half.h"

namespace pipit {

// Contracts (all)  equal lengths; y may be x, other overlap is not allowed. Length 0 gives 0 or does nothing.
// NaN, infinity    propagate as IEEE arithmetic does; max_abs is NaN if any element is NaN.
// Threads          any. One call runs on the caller's thread; the result depends on the instruction set, not on
// alignment.

/// Elements that dot adds up in fp32 before it goes on in fp64.
inline constexpr std::size_t kDotRun = 512;

/// Sum of x[i] * y[i].
/// float: products and sums in fp32 lanes over runs of kDotRun elements, runs added in fp64.
/// |error| <= dot_error_bound<T>(n) * sum |x[i] y[i]| (no overflow or underflow assumed).
double dot(std::span<const float> x, std::span<const float> y);
double dot(std::span<const double> x, std::span<const double> y);

/// y = a x + y.   y = x + b y.   x = a x.   Each element is rounded once or twice (with or without fused multiply-add).
void axpy(float a, std::span<const float> x, std::span<float> y);
void axpy(double a, std::span<const double> x, std::span<double> y);
void xpby(std::span<const float> x, float b, std::span<float> y);
void xpby(std::span<const double> x, double b, std::span<double> y);
void scale(float a, std::span<float> x);
void scale(double a, std::span<double> x);

/// Euclidean norm, by way of dot: overflows where a square does (|x| beyond 1.8e19 for float).
double norm2(std::span<const float> x);
double norm2(std::span<const double> x);

/// Largest |x[i]|, exact; 0 for length 0.
float max_abs(std::span<const float> x);
double max_abs(std::span<const double> x);

/// Half vectors. The order of summation is part of the definition: 32 partial sums, partial sum k takes elements k,
/// k + 32, k + 64, .. in turn with mul_add from 0; then sum[k] += sum[k + 16] for k < 16, then 8, 4, 2, 1.
///   Single        partial sums in fp32 by multiplication and addition (two roundings), result rounded to half once
///   HalfSeparate, HalfFused   every partial sum is a half (half_number.h)
/// The bits are the same on every instruction set: they equal vector_ops_ref.h.
half dot(std::span<const half> x, std::span<const half> y, Accumulate accumulate);
/// y = a x + y, y = x + b y, x = a x, element by element; Single computes in fp32 (two roundings) and rounds once at
/// the end.
void axpy(half a, std::span<const half> x, std::span<half> y, Accumulate accumulate);
void xpby(std::span<const half> x, half b, std::span<half> y, Accumulate accumulate);
void scale(half a, std::span<half> x);
/// sqrt of dot(x, x), rounded to half: infinite as soon as the sum of squares passes 65504 (so is the naive solver's).
half norm2(std::span<const half> x, Accumulate accumulate);
float max_abs(std::span<const half> x);

/// gamma_n of the arithmetic with unit round-off u; infinite when n u >= 1.
constexpr double gamma_n(double n, double u) {
  return n * u < 1 ? n * u / (1 - n * u) : std::numeric_limits<double>::infinity();
}

/// Relative to sum |x[i] y[i]|, for any lane count from 1 on and with or without fused multiply-add.
template <class T>
constexpr double dot_error_bound(std::size_t n) {
  if constexpr (sizeof(T) == 4) {
    const double run = static_cast<double>(n < kDotRun ? n : kDotRun);
    const std::size_t whole_runs = n / kDotRun;
    return gamma_n(run + 1, 0x1p-24) + gamma_n(static_cast<double>(whole_runs) + 17, 0x1p-53);  // at most 16 lanes
  }
  return gamma_n(static_cast<double>(n) + 9, 0x1p-53);  // at most 8 lanes, each adds a zero
}

}  // namespace pipit
