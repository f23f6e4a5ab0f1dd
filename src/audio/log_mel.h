// audio/log_mel.h — what a spectrum looks like to an ear: 64 band energies every 10 ms.
// Source: Davis and Mermelstein (1980) for the bands; mel scale of the HTK book, sec. 5.4: mel(f) = 2595 log10(1 +
// f/700).
//
// Frame k covers samples [160 k, 160 k + 400): whole windows only, no padding. It is weighted by the periodic Hann
// window w_n = 0.5 - 0.5 cos(2 pi n / 400), padded to 512 and transformed; |X_j|^2 (not divided by anything: a
// full-scale sine reaches 100^2) is summed under 64 triangles, equally spaced and linear in mel, from 20 to 8000 Hz;
// out comes ln(clamp(sum, 1e-10, 1e20)). 16-bit quantisation noise stands at about ln(1e-8), above the floor.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace pipit {

inline constexpr int kNumBands = 64;
inline constexpr int kWindow_samples = 400;  // 25 ms at 16 kHz
inline constexpr int kHop_samples = 160;     // 10 ms

/// How many frames n samples give: 0 below 400, then one more every 160.
constexpr std::size_t num_frames(std::size_t num_samples) {
  return num_samples < kWindow_samples ? 0 : 1 + (num_samples - kWindow_samples) / kHop_samples;
}

/// One stream of log-mel frames, each computed once, when popped. Same bits however the samples are cut.
///
/// Memory  at most twice the most samples ever waiting; pushes like those before allocate nothing.
/// Threads one per stream.
class LogMel {
 public:
  LogMel();
  LogMel(LogMel&&) noexcept;
  LogMel& operator=(LogMel&&) noexcept;
  ~LogMel();

  /// 16 kHz, nominally [-1, 1]. A sample that is not finite spoils the frames it is in and no others; they stay finite.
  /// Not after finish (contract).
  void push(std::span<const float> samples);
  /// Frames that can be popped now.
  int ready() const;
  /// The next frame, natural logarithms, lowest band first. Needs ready() > 0 (contract).
  void pop(std::span<float, kNumBands> frame);
  /// No more samples will come. Samples that do not fill a window are dropped.
  void finish() { finished_ = true; }
  /// As new, for another stream; keeps its memory.
  void reset();

 private:
  struct Transform;
  std::unique_ptr<Transform> transform_;
  std::vector<float> samples_;  // from begin_ on not yet out of the window
  std::size_t begin_ = 0;
  bool finished_ = false;
};

/// All frames of a clip, [num_frames(samples.size()), 64].
std::vector<float> log_mel(std::span<const float> samples);

}  // namespace pipit
