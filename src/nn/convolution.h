// nn/convolution.h — a convolution over time and bands, one frame at a time: the front end of an acoustic model.
//   y[o, k] = b[o] + sum over c, i, j of W[o, c, i, j] x_{t - times + 1 + i}[c, k * band_stride + j - band_pad]
// Causal: an output needs the frame that came last and `times - 1` before it; what lies outside (before the first
// frame, beyond the bands) counts as zero. That is torch.nn.Conv2d on [channels, time, bands] with times - 1 frames of
// zeros in front. State and scratch as in layers.h.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "nn/layers.h"

namespace pipit {

struct ConvolutionShape {
  std::size_t in_channels = 1, bands = 64;  ///< of a frame that comes in: [in_channels, bands]
  std::size_t times = 3, band_width = 3;    ///< of the kernel
  std::size_t time_stride = 1, band_stride = 1, band_pad = 1;
  std::size_t out_bands() const { return (bands + 2 * band_pad - band_width) / band_stride + 1; }
};

/// What a Convolution remembers of one stream: its last frames, in a ring.
struct ConvolutionState {
  std::vector<float> frames;  // [times, in_channels, bands]
  std::size_t newest = 0, count = 0;
};

class Convolution {
 public:
  Convolution() = default;
  /// W [out_channels, in_channels * times * band_width] in the order of the sum above, b [out_channels].
  /// Needs   a kernel no wider than the padded bands; strides and widths of at least 1.
  Convolution(const ConvolutionShape& shape, Matrix weights, std::vector<float> bias);

  ConvolutionState make_state() const;
  /// x [in_channels, bands]. True where a frame comes out, once in time_stride: y [out_channels, out_bands()].
  /// Bounds: each element is one accumulate() of kernels.h.
  bool step(std::span<const float> x, ConvolutionState& state, std::span<float> y, Scratch& scratch) const;

  const ConvolutionShape& shape() const { return shape_; }
  std::size_t in() const { return shape_.in_channels * shape_.bands; }
  std::size_t out() const { return weights_.rows() * shape_.out_bands(); }
  std::size_t bytes() const { return weights_.bytes() + bias_.size() * sizeof(float); }

 private:
  ConvolutionShape shape_;
  Matrix weights_;
  std::vector<float> bias_;
};

}  // namespace pipit
