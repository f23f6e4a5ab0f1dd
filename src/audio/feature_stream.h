// audio/feature_stream.h — from samples to what models see: the one front end for all of them.
#pragma once
#include <span>

#include "audio/feature_norm.h"
#include "audio/log_mel.h"

namespace pipit {

/// Normalised log-mel frames, `stack` consecutive ones side by side: vector v is [stack * 64], oldest frame first, of
/// the 10 ms frames [v * stack, (v + 1) * stack). Three make 30 ms a vector, six 60 ms.
/// Same bits however the samples are cut; nothing is allocated once the largest backlog was seen. One thread a stream.
class FeatureStream {
 public:
  /// Needs stack >= 1 (contract).
  FeatureStream(const FeatureNorm& norm, int stack);

  /// As LogMel::push.
  void push(std::span<const float> samples) { mel_.push(samples); }
  /// Vectors that can be popped now.
  int ready() const { return mel_.ready() / stack_; }
  /// The next vector. Needs ready() > 0 and features.size() == width() (contract).
  void pop(std::span<float> features);
  /// No more samples will come: an incomplete stack is dropped.
  void finish() { mel_.finish(); }
  /// As new, for another stream; keeps its memory.
  void reset();

  int width() const { return stack_ * kNumBands; }
  int stack() const { return stack_; }

 private:
  LogMel mel_;
  RunningNorm norm_;
  int stack_;
};

}  // namespace pipit
