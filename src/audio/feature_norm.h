// audio/feature_norm.h — log-mel frames less the mean of what was heard so far.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "audio/log_mel.h"
#include "base/result.h"

namespace pipit {

/// Statistics of the training data, by band, in natural logarithms.
struct FeatureNorm {
  std::array<float, kNumBands> mean{};
  std::array<float, kNumBands> inverse_deviation = ones();
  /// How many frames the training mean counts for, >= 0. 300: after 3 s of sound it weighs half, so that a microphone's
  /// colour is learnt within a sentence and silence at its start does no harm.
  float prior_frames = 300;

 private:
  static constexpr std::array<float, kNumBands> ones() {
    std::array<float, kNumBands> out{};
    out.fill(1);
    return out;
  }
};

/// 64 lines "mean<TAB>inverse deviation" (norm.tsv), numbers that read back as the same bits.
std::string format_feature_norm(const FeatureNorm& norm);
/// Fails with BadFormat naming the line (not 64 lines of two finite numbers, a deviation not above 0).
Result<FeatureNorm> parse_feature_norm(std::string_view text, std::string_view name);

/// Frame t of a stream becomes (x_t - (prior * mean + x_0 + .. + x_t) / (prior + t + 1)) * inverse_deviation, band by
/// band: causal, so that streamed and whole sound agree. Sums are in fp64: after ten hours (3.6e6 frames) they are
/// still good to 3.6e6 * 2^-53 = 4e-10 of their size.
class RunningNorm {
 public:
  /// Needs finite numbers, prior_frames >= 0 (contract).
  explicit RunningNorm(const FeatureNorm& norm);
  void apply(std::span<float, kNumBands> frame);
  void reset();

 private:
  FeatureNorm norm_;
  std::array<double, kNumBands> sum_;  // prior included
  std::int64_t num_frames_ = 0;
};

}  // namespace pipit
