// lm/shares.h — probabilities in one byte.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace pipit {

// Natural logarithms in steps of 1/16, so that a share errs by 3 % at most; 255 stands for nothing.
inline constexpr double kShareSteps = 16;
inline std::uint8_t quantise_share(double share) {
  if (share <= 0) return 255;
  return static_cast<std::uint8_t>(std::clamp(std::lround(-kShareSteps * std::log(share)), 0L, 254L));
}
inline const std::array<float, 256>& shares() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> out{};
    for (int k = 0; k < 255; ++k) out[static_cast<std::size_t>(k)] = static_cast<float>(std::exp(-k / kShareSteps));
    return out;
  }();
  return table;
}

// A share that may lie close to one as well as to none: log(p / (1 - p)) in steps of 1/16, within 8.
inline std::uint8_t quantise_odds(double share) {
  const double odds = std::log(std::max(share, 1e-9) / std::max(1 - share, 1e-9));
  return static_cast<std::uint8_t>(std::clamp(std::lround(odds * kShareSteps) + 128, 0L, 255L));
}
inline double share_of_odds(std::uint8_t byte) { return 1 / (1 + std::exp((128 - byte) / kShareSteps)); }
inline const std::array<float, 256>& shares_of_odds() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> out{};
    for (int k = 0; k < 256; ++k)
      out[static_cast<std::size_t>(k)] = static_cast<float>(share_of_odds(static_cast<std::uint8_t>(k)));
    return out;
  }();
  return table;
}

}  // namespace pipit
