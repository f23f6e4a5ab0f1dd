// endpoint/evidence.h — what speaks for the end of a turn, and how many seconds of silence each of it is worth.
// Source: the features of Liu et al. (2015) and Maas et al. (2018) as papers.md B3 lists them; weights by logistic
// regression.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pipit {

/// One tick of 10 ms.
enum EvidenceOf {
  kSilence,        ///< s since the last voice
  kPause,          ///< s since the best hypothesis emitted a label
  kExpectedPause,  ///< s, the same over the beam: sum_i P_i d_i
  kStable,         ///< s since the best text last changed
  kEntropy,        ///< of the beam's probabilities, nats
  kSentenceEnd,    ///< how much likelier than usual a sentence ends with the last word, nats (SentenceEnds)
  kFall,           ///< how much quieter the voice was at the last than before, nats (VoiceActivity)
  kCadence,        ///< ln odds that the voice sounded finished when it stopped, nats (Cadence); 0: not asked yet
  kNumEvidence
};
using Evidence = std::array<float, kNumEvidence>;
inline constexpr std::array<std::string_view, kNumEvidence> kEvidenceNames = {
    "silence", "pause", "expected_pause", "stable", "entropy", "sentence_end", "fall", "cadence"};

/// Seconds of silence that a unit of each is worth, beside the silence itself. Of what grows with time (up to kStable)
/// the excess over the silence counts, so that a second of undisturbed silence always counts as one. As it stands:
/// silence alone counts.
struct EndWeights {
  std::array<double, kNumEvidence> per_unit{};  ///< that of kSilence is not used
  double offset_s = 0;
  double least_s = 0, most_s = 0;  ///< all of it together is worth no less and no more

  /// The silence as it counts.
  double silence_s(const Evidence& evidence) const {
    const auto silence = static_cast<double>(evidence[kSilence]);
    double sum = offset_s;
    for (std::size_t k = kSilence + 1; k < kNumEvidence; ++k)
      sum += per_unit[k] * (static_cast<double>(evidence[k]) - (k <= kStable ? silence : 0));
    return silence + std::clamp(sum, least_s, most_s);
  }
};

/// Lines "name<TAB>number" for each of kEvidenceNames but silence, "offset_s", "least_s" and "most_s"; '#' begins a
/// comment. Fails   NotFound, Io, BadFormat naming the line: a name that is unknown, twice or missing, no finite
/// number, least_s above most_s.
Result<EndWeights> read_end_weights(const std::string& path);
Result<EndWeights> parse_end_weights(std::string_view text, std::string_view name);
std::string format_end_weights(const EndWeights& weights);

/// ln P(a sentence ends | its last word) - ln P(a sentence ends). Empty: 0 for every word.
class SentenceEnds {
 public:
  SentenceEnds() = default;
  /// Lines "WORD<TAB>number", one of them for "other"; '#' begins a comment. Fails   as read_end_weights.
  static Result<SentenceEnds> open(const std::string& path);
  static Result<SentenceEnds> parse(std::string_view text, std::string_view name);

  float after(std::string_view word) const;

 private:
  std::map<std::string, float, std::less<>> words_;
  float other_ = 0;
};

}  // namespace pipit
