// bits/scaling.h — makes numbers fit a small range: powers of two, columns, diagonal blocks.
// Source: Higham, Pranesh, Zounon, Squeezing a Matrix into Half Precision (2019), sec. 2; Higham 2002, ch. 10
// (Cholesky).
#pragma once
#include <span>

namespace pipit {

/// The largest e with max_abs * 2^e <= 65504 / 2^headroom_bits. Scaling by 2^e is exact in float and double.
/// 0 for max_abs zero, NaN or infinite (nothing to scale). Clamped to [-126, 126], so that 2^e is a normal float.
/// Needs 0 <= headroom_bits <= 15.
int range_exponent(double max_abs, int headroom_bits);

/// The smallest power of two >= max_abs: dividing by it is exact and leaves values in [-1, 1].
/// 1 for zero, NaN or infinite; clamped to [2^-126, 2^126].
float vector_scale(float max_abs);

/// scales[j] = 1 / sqrt(squared_norms[j]): columns of unit length. 1 where the norm is zero, negative or not finite.
/// With `power_of_two` the scale is rounded to a power of two (columns of length in [1/sqrt 2, sqrt 2]), so that
/// scaling itself adds no rounding. Needs equal lengths.
void column_scales(std::span<const double> squared_norms, std::span<double> scales, bool power_of_two = false);

/// S = inverse of the lower Cholesky factor of a block: then S * block * S^T = I, so equilibration by S makes every
/// diagonal block of a system the identity.
///
/// In      block B x B column-major, symmetric positive definite; its lower triangle is read.
/// Out     S B x B column-major, lower triangular, upper part zero. The identity when false.
/// Yields  false if a pivot is not positive or not finite.
/// Exact   |S A S^T - I| <= 4 B^2 eps cond(A) entrywise (scaling_test.cc).
/// B in {1, 2, 3, 6}; fp64.
template <int B>
bool block_equilibrate(const double* block, double* S);

}  // namespace pipit
