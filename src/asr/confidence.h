// asr/confidence.h — how sure a word is: from a lattice to the share of such words that are right.
// Source: logistic regression on posterior and length features as in Evermann and Woodland, Posterior probability
// decoding, confidence estimation and system combination (2000); then the isotonic fit of lattice/calibration.h.
#pragma once
#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "lattice/calibration.h"
#include "lattice/lattice.h"

namespace pipit {

/// A word on the best path of a lattice.
struct PathWord {
  std::string text;
  std::int32_t start_frame = 0, end_frame = 0;
  double posterior = 0;          ///< in its slot of the confusion network
  std::vector<double> features;  ///< see confidence.cc
};

/// The best path's words. `scale`: log scores are multiplied by it before they become posteriors.
std::vector<PathWord> best_words(const Lattice& lattice, double scale);

}  // namespace pipit
