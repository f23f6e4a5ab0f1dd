#include "audio/feature_stream.h"

#include <cstddef>

#include "base/contract.h"

namespace pipit {

FeatureStream::FeatureStream(const FeatureNorm& norm, int stack) : norm_(norm), stack_(stack) {
  expects(stack >= 1, "FeatureStream: stack");
}

void FeatureStream::pop(std::span<float> features) {
  expects(ready() > 0, "FeatureStream::pop: no vector is ready");
  expects(features.size() == static_cast<std::size_t>(width()), "FeatureStream::pop: length");
  for (int i = 0; i < stack_; ++i) {
    const std::span<float, kNumBands> frame(features.data() + std::ptrdiff_t{i} * kNumBands, kNumBands);
    mel_.pop(frame);
    norm_.apply(frame);
  }
}

void FeatureStream::reset() {
  mel_.reset();
  norm_.reset();
}

}  // namespace pipit
