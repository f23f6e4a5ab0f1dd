// nn/quantise.h — int8 by rows or vectors: the definition that the model file and the kernels share. Plain C++.
#pragma once
#include <algorithm>
#include <bit>
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
  // Without their sign, numbers are ordered as their bits are; and what 1.5 * 2^23 is added to has no room for a
  // fraction. Both ways a compiler makes vectors of the loop, which it may not of fmax and nearbyint.
  std::uint32_t most_bits = 0;
  for (const float v : x) most_bits = std::max(most_bits, std::bit_cast<std::uint32_t>(v) & 0x7fffffffu);
  const float most = std::bit_cast<float>(most_bits);
  if (!(most >= kLeastQuantised)) {
    for (std::size_t i = 0; i < x.size(); ++i) q[i] = 0;
    return 0;
  }
  const float inverse = 127.0f / most;
  constexpr float kRound = 12582912.0f;
  for (std::size_t i = 0; i < x.size(); ++i) q[i] = static_cast<Integer>((x[i] * inverse + kRound) - kRound);
  return most / 127.0f;
}

}  // namespace pipit
