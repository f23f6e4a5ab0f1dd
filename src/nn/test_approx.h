// nn/test_approx.h — for tests: the layers in double, each value with a bound on how far the fast layer may be from it.
// Sources of error: kernels.h and quantise.h; what comes in with an error goes on with it, to first order times 1.01.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/view.h"
#include "nn/kernels_ref.h"
#include "nn/matrix.h"

namespace pipit {

/// value[k] - error[k] <= what the fast code says <= value[k] + error[k].
struct Approx {
  std::vector<double> value, error;
  Approx() = default;
  explicit Approx(std::size_t n) : value(n), error(n) {}
  explicit Approx(std::span<const float> exact) : value(exact.begin(), exact.end()), error(exact.size()) {}
  std::size_t size() const { return value.size(); }
};

struct TestMatrix {
  std::size_t rows = 0, cols = 0;
  std::vector<float> w;
  TestMatrix(std::size_t rows_, std::size_t cols_, Random& random) : rows(rows_), cols(cols_), w(rows * cols) {
    for (float& v : w) v = static_cast<float>(random.normal() / std::sqrt(static_cast<double>(cols)));
  }
  MatView<const float> view() const { return {w.data(), rows, cols, cols}; }
};

inline std::vector<float> random_vector(std::size_t n, Random& random, double size = 1) {
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(size * random.normal());
  return x;
}

/// y + W x.
inline Approx multiply_add(const TestMatrix& m, const Approx& x, Approx y, Arithmetic arithmetic) {
  const auto n = static_cast<double>(m.cols);
  double most_x = 0;
  for (std::size_t c = 0; c < m.cols; ++c) most_x = std::fmax(most_x, std::fabs(x.value[c]) + x.error[c]);
  const double step = 0.5 + 127 * 0x1p-22;
  for (std::size_t r = 0; r < m.rows; ++r) {
    double most_w = 0, sum = 0, size = std::fabs(y.value[r]) + y.error[r], error = y.error[r];
    for (std::size_t c = 0; c < m.cols; ++c)
      most_w = std::fmax(most_w, std::fabs(static_cast<double>(m.w[r * m.cols + c])));
    for (std::size_t c = 0; c < m.cols; ++c) {
      const double w = static_cast<double>(m.w[r * m.cols + c]);
      double off_w = 0, off_x = x.error[c];
      if (arithmetic == Arithmetic::Half) off_w = std::fabs(w) * 0x1p-11 + 0x1p-25;
      if (arithmetic == Arithmetic::Int8) off_w = most_w / 127 * step, off_x += most_x / 127 * step;
      sum += w * x.value[c];
      size += (std::fabs(w) + off_w) * (std::fabs(x.value[c]) + off_x);
      error += std::fabs(w) * off_x + off_w * (std::fabs(x.value[c]) + off_x);
    }
    y.value[r] += sum;
    y.error[r] = error + (n + 4) * 0x1p-23 * size;
  }
  return y;
}

inline Approx lstm_step(const TestMatrix& w_ih,
                        const TestMatrix& w_hh,
                        const std::vector<float>& bias,
                        const TestMatrix& w_hr,
                        const Approx& x,
                        const Approx& h,
                        Approx& c,
                        Arithmetic arithmetic) {
  const Approx gates = multiply_add(w_hh, h, multiply_add(w_ih, x, Approx(bias), arithmetic), arithmetic);
  const std::size_t n = c.size();
  Approx m(n);
  const std::vector<double> old = c.value;
  lstm_cells_ref(gates.value, c.value, m.value);
  for (std::size_t k = 0; k < n; ++k) {  // slope of sigmoid: at most 1/4; of tanh: 1
    const double before = std::fabs(old[k]) + c.error[k];
    c.error[k] += gates.error[n + k] / 4 * before + gates.error[k] / 4 + gates.error[2 * n + k];
    m.error[k] = c.error[k] + gates.error[3 * n + k] / 4 + (before + 5) * kActivationError;
    c.error[k] += (before + 3) * kActivationError;
  }
  return multiply_add(w_hr, m, Approx(w_hr.rows), arithmetic);
}

inline Approx norm_of(const Approx& x, const std::vector<float>& gain, const std::vector<float>& bias) {
  Approx out(x.size());
  out.value = layer_norm_ref(x.value, gain, bias);
  const auto n = static_cast<double>(x.size());
  double mean = 0, mu = 0, variance = 0, away = 0, error = 0;
  for (const double v : x.value) mean += v / n, mu += std::fabs(v) / n;
  for (const double v : x.value) variance += (v - mean) * (v - mean) / n, away = std::fmax(away, std::fabs(v - mean));
  for (const double e : x.error) error = std::fmax(error, e);
  const double sigma = std::sqrt(variance + static_cast<double>(kNormEpsilon)), s = away / sigma;
  for (std::size_t k = 0; k < out.size(); ++k) {
    // x - mean moves by at most 2 error; sigma by the standard deviation of the errors, at most error
    const double moved = (2 * error + s * error) / std::fmax(sigma - error, 1e-3 * sigma);
    const double g = std::fabs(static_cast<double>(gain[k]));
    out.error[k] = 1.01 * (g * moved + 0x1p-23 * ((n + 8) * g * (s + (1 + s * s) * mu / sigma) +
                                                  std::fabs(static_cast<double>(bias[k]))));
  }
  return out;
}

/// The largest share of its bound that `got` uses; above 1 something is wrong.
inline double share_of_bound(std::span<const float> got, const Approx& want) {
  double worst = got.size() == want.size() ? 0 : 1e30;
  for (std::size_t k = 0; k < std::min(got.size(), want.size()); ++k) {
    const double share = std::fabs(static_cast<double>(got[k]) - want.value[k]) / want.error[k];
    worst = share <= worst ? worst : share;
  }
  return worst;
}

inline constexpr Arithmetic kEveryArithmetic[] = {Arithmetic::Single, Arithmetic::Half, Arithmetic::Int8};

}  // namespace pipit
