// audio/resample.h — one channel at another rate, by libsoxr ("high quality": 20 bits, passband to 0.91 of Nyquist).
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace pipit {

/// Streaming: the output does not depend on how the input is cut. One object per stream; objects are independent.
class Resampler {
 public:
  /// Rates in Hz, > 0, not necessarily whole (contract). Fails with Unsupported where libsoxr refuses the ratio.
  static Result<Resampler> create(double from_hz, double to_hz);
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  /// Appends what is ready to `out`; libsoxr keeps some milliseconds back until `finish`.
  Status push(std::span<const float> in, std::vector<float>& out);
  /// Appends the rest. In all n samples become about n * to / from (within one). Push no more afterwards.
  Status finish(std::vector<float>& out);

 private:
  struct Engine;
  explicit Resampler(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

/// All at once. Equal rates: a copy. Speech said `s` times as fast: resample(x, s * 16000, 16000).
Result<std::vector<float>> resample(std::span<const float> samples, double from_hz, double to_hz);

}  // namespace pipit
