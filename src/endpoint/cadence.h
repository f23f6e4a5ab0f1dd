// endpoint/cadence.h — did the voice sound finished when it stopped? Last words are longer and fall; a voice that
// breaks off to think does neither. Source: papers.md B3 (acoustic evidence); here a logistic regression on what the
// recogniser's encoder made of the sound, so that it costs one dot product a pause.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pipit {

class Cadence {
 public:
  /// When to ask: with the first step of the encoder that ends so long after the voice, s; later ones begin to forget.
  static constexpr double kAskAfter_s = 0.12;
  /// What about: the mean of kBefore steps, then the two newest as they are, each of the encoder's width.
  static constexpr std::size_t kBefore = 8, kParts = 3;

  Cadence() = default;  ///< knows nothing: 0 for every sound
  /// weights [length of h], offset.
  Cadence(std::vector<float> weights, float offset) : weights_(std::move(weights)), offset_(offset) {}

  /// Lines "offset<TAB>number" and "weights<TAB>number number ..", '#' begins a comment. Fails   NotFound, Io, or
  /// BadFormat naming the line.
  static Result<Cadence> open(const std::string& path);
  static Result<Cadence> parse(std::string_view text, std::string_view name);
  std::string text() const;

  std::size_t size() const { return weights_.size(); }
  /// ln odds that the speaker has finished, bounded to +-8.   Needs   h [size()] finite, or size() == 0.
  float operator()(std::span<const float> h) const;

 private:
  std::vector<float> weights_;
  float offset_ = 0;
};

}  // namespace pipit
