// lattice/confidence.h — how sure the words of the best path are: from what the lattice says to the share of such words
// that are right. Source: logistic regression on posteriors and lengths, as in Kemp and Schaaf, Estimating Confidence
// Using Word Lattices (1997); then the isotonic fit of calibration.h.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lattice/calibration.h"
#include "lattice/lattice.h"

namespace pipit {

/// A word on the best path.
struct PathWord {
  static constexpr std::size_t kNumFeatures = 10;
  std::string text;
  std::int32_t start_frame = 0, end_frame = 0;
  double posterior = 0;  ///< in its slot of the confusion network
  /// Log odds of the posterior, of the same with flatter scores, of the words before and after, their mean over the
  /// utterance; log of the letters; frames, acoustic and label score for each letter; log of the rivals in its slot.
  std::array<double, kNumFeatures> features{};
};

/// How log scores become posteriors: a beam's scores know the alternatives less well than they claim.
struct PosteriorScale {
  double sharp = 0.5, flat = 0.2;
};

/// The words of the best path. Prune first: cost as confusion_network.
std::vector<PathWord> best_words(const Lattice& lattice, const PosteriorScale& scale = {});

/// Without a fit: the posterior as it is.
class ConfidenceModel {
 public:
  ConfidenceModel() = default;
  /// Logistic regression (Newton's method, a small ridge), then isotonic, in at most 33 points. right[i]: words[i] was
  /// right. Needs equal lengths.
  static ConfidenceModel fit(std::span<const PathWord> words, std::span<const bool> right);

  /// Text, one line each: "pipit-confidence 1", "weights" and numbers (the constant first), "point posterior
  /// confidence".
  std::string text() const;
  /// Fails with BadFormat, naming `name` and line, on anything else.
  static Result<ConfidenceModel> parse(std::string_view text, std::string_view name);

  /// In [0, 1].
  double operator()(const PathWord& word) const;

 private:
  double odds(const PathWord& word) const;
  std::vector<double> weights_;  // the constant first; none: no fit
  Calibration calibration_;
};

/// Area under the curve of hits against false alarms: how often a right word is surer than a wrong one, ties half. NaN
/// where all are right or all wrong.
double area_under_curve(std::span<const double> confidence, std::span<const bool> right);

/// Expected calibration error over `bins` bins of (nearly) equally many words: the mean of |mean confidence - share
/// right|, weighted by words.
double calibration_error(std::span<const double> confidence, std::span<const bool> right, int bins = 10);

}  // namespace pipit
