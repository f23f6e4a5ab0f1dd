// asr/own_text.h — a transducer less what it has learnt of its own training texts, so that a language model of a larger
// text can take that place.
// Source: Variani et al., Hybrid autoregressive transducer (2020), sec. 4; Meng et al., Internal language model
// estimation (2021).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "asr/scorer.h"

namespace pipit {

/// The scorer S, from whose labels weight * log P(label | labels before, no sound) is taken: what the joint network
/// says to an encoder frame of zeros, the blank left out. The blank's score stays; scores no longer add up to one.
///
/// The concept of S once more. g is longer than S's by a number for every token: worked out once for each window.
/// Weight 0 is S itself.
template <TransducerScorer S>
class LessOwnText {
 public:
  /// The scorer stays where it is.
  LessOwnText(const S& scorer, float weight) : scorer_(scorer), weight_(weight), no_sound_(joint()) {}

  int tokens() const { return static_cast<int>(scorer_.tokens()); }
  int context() const { return static_cast<int>(scorer_.context()); }
  int joint_dim() const { return static_cast<int>(joint()) + (weight_ != 0 ? tokens() : 0); }

  void predict(std::span<const std::int32_t> window, std::span<float> g) const {
    scorer_.predict(window, g.first(joint()));
    const std::span<float> own = g.subspan(joint());
    if (own.empty()) return;
    scorer_.log_probs(no_sound_, g.first(joint()), own);
    const float labels = std::log1p(-std::min(std::exp(own[0]), 0.9999F));
    own[0] = 0;
    for (float& v : own.subspan(1)) v = weight_ * (v - labels);
  }
  void log_probs(std::span<const float> e, std::span<const float> g, std::span<float> out) const {
    scorer_.log_probs(e, g.first(joint()), out);
    const std::span<const float> own = g.subspan(joint());
    for (std::size_t k = 0; k < own.size(); ++k) out[k] -= own[k];
  }

 private:
  std::size_t joint() const { return static_cast<std::size_t>(scorer_.joint_dim()); }
  const S& scorer_;
  float weight_;
  std::vector<float> no_sound_;
};

}  // namespace pipit
