// nn/quantise.h — int8 by rows or vectors: the definition that the model file and the kernels share. Plain C++.
#pragma once
#include <cmath>
#include <cstdint>
#include <span>

namespace pipit {

/// Below this a row counts as zero: its scale would be subnormal.
inline constexpr float kLeastQuantised = 1e-30f;

/// int8 is symmetric, in [-127, 127]: x ~ scale * q, q = round(x * (127 / max |x|)) to nearest, ties to even, in fp32.
/// |x - scale * q| <= scale * (1/2 + 127 * 2^-22).   Yields scale = max |x| / 127; 0 (and q = 0) if max |x| < 1e-30.
/// Needs equal lengths, finite x.
template <class Integer>
float quantise(std::span<const float> x, Integer* q) {
  float most = 0;
  for (const float v : x) most = std::fmax(most, std::fabs(v));
  if (!(most >= kLeastQuantised)) {
    for (std::size_t i = 0; i < x.size(); ++i) q[i] = 0;
    return 0;
  }
  const float inverse = 127.0f / most;
  for (std::size_t i = 0; i < x.size(); ++i) q[i] = static_cast<Integer>(std::nearbyint(x[i] * inverse));
  return most / 127.0f;
}

}  // namespace pipit
