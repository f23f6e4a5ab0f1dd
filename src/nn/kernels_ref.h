// nn/kernels_ref.h — the slow definitions of kernels.h, in double. For tests and benchmarks.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/view.h"
#include "bits/half.h"
#include "nn/kernels.h"

namespace pipit {

/// y [R] of fp64, += W x for weights of any format.
template <class T, class X>
void accumulate_ref(MatView<const T> w, const X& x, std::vector<double>& y) {
  for (std::size_t r = 0; r < w.rows; ++r)
    for (std::size_t c = 0; c < w.cols; ++c) y[r] += to_double(w.row(r)[c]) * static_cast<double>(x[c]);
}

/// The integer sums themselves.
inline std::vector<std::int64_t> int8_sums_ref(MatView<const std::int8_t> w, std::span<const std::int16_t> q) {
  std::vector<std::int64_t> sums(w.rows);
  for (std::size_t r = 0; r < w.rows; ++r)
    for (std::size_t c = 0; c < w.cols; ++c) sums[r] += std::int64_t{w.row(r)[c]} * q[c];
  return sums;
}

inline double sigmoid_ref(double x) { return 1 / (1 + std::exp(-x)); }

inline void lstm_cells_ref(const std::vector<double>& gates, std::vector<double>& c, std::vector<double>& m) {
  const std::size_t n = c.size();
  for (std::size_t k = 0; k < n; ++k) {
    const double input = sigmoid_ref(gates[k]), forget = sigmoid_ref(gates[n + k]);
    c[k] = forget * c[k] + input * std::tanh(gates[2 * n + k]);
    m[k] = sigmoid_ref(gates[3 * n + k]) * std::tanh(c[k]);
  }
}

template <class X, class G>
std::vector<double> layer_norm_ref(const X& x, const G& gain, const G& bias) {
  const auto n = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / n;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  std::vector<double> out(x.size());
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = (x[k] - mean) / std::sqrt(variance + static_cast<double>(kNormEpsilon)) * gain[k] + bias[k];
  return out;
}

template <class X>
std::vector<double> log_softmax_ref(const X& x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - most);
  std::vector<double> out(x.size());
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = x[k] - most - std::log(sum);
  return out;
}

}  // namespace pipit
