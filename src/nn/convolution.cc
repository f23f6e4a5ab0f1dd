#include "nn/convolution.h"

#include <algorithm>
#include <utility>

#include "base/contract.h"

namespace pipit {

Convolution::Convolution(const ConvolutionShape& shape, Matrix weights, std::vector<float> bias)
    : shape_(shape), weights_(std::move(weights)), bias_(std::move(bias)) {
  expects(shape.in_channels >= 1 && shape.bands >= 1 && shape.times >= 1 && shape.band_width >= 1 &&
              shape.time_stride >= 1 && shape.band_stride >= 1,
          "Convolution: widths and strides are at least 1");
  expects(shape.band_width <= shape.bands + 2 * shape.band_pad, "Convolution: the kernel is wider than the bands");
  expects(weights_.cols() == shape.in_channels * shape.times * shape.band_width && bias_.size() == weights_.rows(),
          "Convolution: the shapes do not go together");
}

ConvolutionState Convolution::make_state() const { return {std::vector<float>(shape_.times * in()), 0, 0}; }

bool Convolution::step(std::span<const float> x, ConvolutionState& state, std::span<float> y, Scratch& scratch) const {
  const ConvolutionShape& s = shape_;
  expects(x.size() == in() && y.size() == out(), "Convolution: a frame has another length");
  expects(state.frames.size() == s.times * in(), "Convolution: the state is of another layer");
  state.newest = (state.newest + 1) % s.times;
  std::ranges::copy(x, state.frames.begin() + static_cast<std::ptrdiff_t>(state.newest * in()));
  if (state.count++ % s.time_stride != 0) return false;

  const auto patch = Scratch::first(scratch.gates, weights_.cols());
  const auto sums = Scratch::first(scratch.cells, weights_.rows());
  const std::size_t bands = s.out_bands();
  for (std::size_t k = 0; k < bands; ++k) {
    auto to = patch.begin();
    for (std::size_t c = 0; c < s.in_channels; ++c)
      for (std::size_t i = 0; i < s.times; ++i) {
        const float* frame = state.frames.data() + ((state.newest + 1 + i) % s.times * s.in_channels + c) * s.bands;
        for (std::size_t j = 0; j < s.band_width; ++j) {
          const std::size_t band = k * s.band_stride + j;  // counted from the first zero in front
          *to++ = band >= s.band_pad && band < s.band_pad + s.bands ? frame[band - s.band_pad] : 0;
        }
      }
    std::ranges::copy(bias_, sums.begin());
    weights_.multiply_add(patch, sums, scratch);
    for (std::size_t o = 0; o < sums.size(); ++o) y[o * bands + k] = sums[o];
  }
  return true;
}

}  // namespace pipit
