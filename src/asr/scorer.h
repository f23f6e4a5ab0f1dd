// asr/scorer.h — what a search wants of a transducer. The search names it; models (nn/transducer.h) know of no search.
#pragma once
#include <concepts>
#include <cstdint>
#include <span>

namespace pipit {

/// Token 0 is the blank. The prediction network sees the last context() tokens only: hypotheses that agree in them have
/// the same future. e, g [joint_dim()]; log_probs writes log P(token) [tokens()], for every token.
template <class S>
concept TransducerScorer =
    requires(const S s, std::span<const float> in, std::span<float> out, std::span<const std::int32_t> window) {
  { s.tokens() } -> std::convertible_to<int>;
  { s.context() } -> std::convertible_to<int>;
  { s.joint_dim() } -> std::convertible_to<int>;
  s.predict(window, out);    // window [context()], the newest last, blanks before the start
  s.log_probs(in, in, out);  // of e and g
};

}  // namespace pipit
