// nn/kernels.h — what a layer spends its time in: matrix times vector in three formats, and functions of each element.
// One source for every instruction set, chosen at run time. Slow definitions: kernels_ref.h.
// Another weight format (packed low-bit forms) is one more accumulate() here and one more alternative in Matrix.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/view.h"
#include "bits/half.h"

namespace pipit {

/// Rows of packed weights begin at multiples of this many bytes, zeros behind the last column.
inline constexpr std::size_t kRowAlignment = 64;
/// Products of int8 add up in int32: 127 * 127 * 2^17 < 2^31.
inline constexpr std::size_t kMostInt8Columns = std::size_t{1} << 17;
inline constexpr double kActivationError = 1e-6;
inline constexpr float kNormEpsilon = 1e-5f;

// Contracts (all)  lengths agree; outputs do not overlap inputs unless said. Needs finite inputs.
// Threads          any; one call runs on its caller's thread. No allocation. fp32 sums depend on the instruction set.

/// y [R] += W [R,C] x [C], sums in fp32 (weights of Half are widened exactly).
/// |error| <= (C + 2) 2^-23 (|y| + sum |w x|) for each element.
/// Needs w.data aligned and w.stride a multiple of kRowAlignment bytes, zeros from column C to the stride.
void accumulate(MatView<const float> w, std::span<const float> x, std::span<float> y);
void accumulate(MatView<const half> w, std::span<const float> x, std::span<float> y);

/// A vector in int8 (quantise.h), stored in 16 bits as the kernel multiplies them. q [C rounded up to 64].
struct QuantisedVector {
  std::span<const std::int16_t> q;
  float scale = 0;
};

/// Elements that the buffer of quantise_vector needs for C columns.
constexpr std::size_t quantised_length(std::size_t cols) { return (cols + 63) / 64 * 64; }

/// The numbers of quantise(), the same bits on every instruction set; zeros behind them. Needs buffer of
/// quantised_length(x.size()).
QuantisedVector quantise_vector(std::span<const float> x, std::span<std::int16_t> buffer);

/// As above, of a row of weights, 8 bits each. Yields its scale. Needs q of quantised_length(x.size()).
float quantise_row(std::span<const float> x, std::span<std::int8_t> q);

/// y [R] += (sum over c of w[r,c] q[c]) * (scales[r] * scale): the sum exact in int32, one rounding to fp32, then three
/// more. Same bits on every instruction set. Needs |w| <= 127, w as above, C <= kMostInt8Columns.
void accumulate(MatView<const std::int8_t> w, std::span<const float> scales, QuantisedVector x, std::span<float> y);

/// x = tanh(x), and 1 / (1 + exp(-x)); absolute error at most kActivationError; infinity allowed.
void tanh_in_place(std::span<float> x);
void sigmoid_in_place(std::span<float> x);
/// out = tanh(a + b).
void tanh_of_sum(std::span<const float> a, std::span<const float> b, std::span<float> out);

/// One step of the cells of an LSTM (Hochreiter and Schmidhuber 1997, with forget gate): gates [4H] before their
/// functions, in the order input, forget, cell, output; c [H] is updated, m [H] = o tanh(c).
///   c = sigmoid(f) c + sigmoid(i) tanh(g),  m = sigmoid(o) tanh(c)
/// |error of c| <= (|c| + 3) kActivationError, |error of m| <= (|c| + 5) kActivationError, c the old one.
void lstm_cells(std::span<const float> gates, std::span<float> c, std::span<float> m);

/// out = (x - mean) / sqrt(variance + kNormEpsilon) * gain + bias over the elements of x (Ba et al. 2016), variance
/// divided by n. out may be x. With s = max |x - mean| / sqrt(variance + kNormEpsilon) and mu the mean of |x|:
/// |error| <= 2^-23 ((n + 8) |gain| (s + (1 + s^2) mu / sqrt(variance + kNormEpsilon)) + |bias|).
void layer_norm(std::span<const float> x,
                std::span<const float> gain,
                std::span<const float> bias,
                std::span<float> out);

/// x [V] = x - log(sum exp(x)), natural logarithm. |error| <= 2^-23 (max |x| + max |out|) + 1e-6. Needs V >= 1.
void log_softmax_in_place(std::span<float> x);

/// x = max(x, 0).
void relu_in_place(std::span<float> x);

}  // namespace pipit
