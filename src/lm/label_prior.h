// lm/label_prior.h — what a search wants of a language model: how likely each label is next, given where the text
// stands.
#pragma once
#include <cstdint>
#include <span>

namespace pipit {

/// Const and shared: where a text stands is one number, which the search keeps for every hypothesis. Two hypotheses
/// with the same number have the same future as far as the language model goes.
class LabelPrior {
 public:
  virtual ~LabelPrior() = default;

  /// Labels and the blank, which is token 0 and never asked about.
  virtual int tokens() const = 0;
  /// Before the first label.
  virtual std::uint64_t start() const = 0;
  /// After one more label.
  virtual std::uint64_t next(std::uint64_t state, std::int32_t label) const = 0;
  /// out [tokens()] = log P(label | state), natural; out[0] is log 0. Finite for every label.
  virtual void log_probs_after(std::uint64_t state, std::span<float> out) const = 0;
};

}  // namespace pipit
