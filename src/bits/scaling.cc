#include "bits/scaling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/contract.h"

namespace pipit {

int range_exponent(double max_abs, int headroom_bits) {
  expects(headroom_bits >= 0 && headroom_bits <= 15, "range_exponent: headroom_bits not in [0, 15]");
  if (!(max_abs > 0) || !std::isfinite(max_abs)) return 0;
  const double limit = std::ldexp(65504.0, -headroom_bits);
  int e = std::ilogb(limit) - std::ilogb(max_abs);  // the significands decide the last step
  if (std::ldexp(max_abs, e) > limit) --e;
  return std::clamp(e, -126, 126);
}

float vector_scale(float max_abs) {
  if (!(max_abs > 0) || !std::isfinite(max_abs)) return 1;
  int exponent = 0;
  const float significand = std::frexp(max_abs, &exponent);  // in [0.5, 1)
  return std::ldexp(1.0f, std::clamp(significand == 0.5f ? exponent - 1 : exponent, -126, 126));
}

void column_scales(std::span<const double> squared_norms, std::span<double> scales, bool power_of_two) {
  expects(squared_norms.size() == scales.size(), "column_scales: lengths differ");
  for (std::size_t j = 0; j < scales.size(); ++j) {
    const double scale = 1 / std::sqrt(squared_norms[j]);
    if (!(scale > 0) || !std::isfinite(scale)) {
      scales[j] = 1;
    } else {
      scales[j] = power_of_two ? std::exp2(std::round(std::log2(scale))) : scale;
    }
  }
}

template <int B>
bool block_equilibrate(const double* block, double* S) {
  double L[B * B] = {};
  bool good = true;
  for (int j = 0; j < B && good; ++j) {
    for (int i = j; i < B; ++i) {
      double sum = block[i + B * j];
      for (int k = 0; k < j; ++k) sum -= L[i + B * k] * L[j + B * k];
      if (i == j) {
        good = sum > 0 && std::isfinite(sum);
        L[j + B * j] = std::sqrt(sum);
      } else {
        L[i + B * j] = sum / L[j + B * j];
      }
    }
  }
  std::fill(S, S + B * B, 0.0);
  for (int j = 0; j < B; ++j) {  // column j of the inverse: solve L s = e_j
    S[j + B * j] = good ? 1 / L[j + B * j] : 1;
    for (int i = j + 1; i < B && good; ++i) {
      double sum = 0;
      for (int k = j; k < i; ++k) sum -= L[i + B * k] * S[k + B * j];
      S[i + B * j] = sum / L[i + B * i];
    }
  }
  return good;
}

template bool block_equilibrate<1>(const double*, double*);
template bool block_equilibrate<2>(const double*, double*);
template bool block_equilibrate<3>(const double*, double*);
template bool block_equilibrate<6>(const double*, double*);

}  // namespace pipit
