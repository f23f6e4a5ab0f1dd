// asr/test_table.h — for tests: a transducer that is a table of random log probabilities, small enough to try every way
// through it.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "asr/scorer.h"
#include "base/random.h"

namespace pipit {

/// e names the frame, g the last `kContextLength` tokens.
template <int kNumTokens, int kContextLength>
class TestTable {
 public:
  static constexpr int kTokens = kNumTokens;
  TestTable(int frames, std::uint64_t seed) {
    Random random(seed);
    for (int row = 0; row < frames * kRows; ++row) {
      double sum = 0;
      std::array<double, kTokens> weight;
      for (double& w : weight) sum += w = std::exp(2 * random.normal());
      for (const double w : weight) table_.push_back(static_cast<float>(std::log(w / sum)));
    }
  }
  int tokens() const { return kTokens; }
  int context() const { return kContextLength; }
  int joint_dim() const { return 1; }
  void predict(std::span<const std::int32_t> window, std::span<float> g) const {
    int row = 0;
    for (const std::int32_t token : window) row = row * kTokens + token;
    g[0] = static_cast<float>(row);
  }
  void log_probs(std::span<const float> e, std::span<const float> g, std::span<float> out) const {
    const auto row = static_cast<std::ptrdiff_t>(e[0] * kRows + g[0]);
    std::copy_n(table_.begin() + row * kTokens, kTokens, out.begin());
  }

 private:
  static constexpr int kRows = [] {
    int rows = 1;
    for (int k = 0; k < kContextLength; ++k) rows *= kTokens;
    return rows;
  }();
  std::vector<float> table_;
};
static_assert(TransducerScorer<TestTable<2, 1>>);

}  // namespace pipit
