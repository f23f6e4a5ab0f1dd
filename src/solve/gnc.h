// solve/gnc.h — graduated non-convexity: finds the outliers of a problem without a good start.
// Source: Yang, Antonante, Tzoumas and Carlone, Graduated Non-Convexity for Robust Spatial Perception (RA-L 2020), sec.
// IV: truncated least squares (eqs. 13 and 14).   Legend: s = ||r||^2, c = scale, mu = how convex the surrogate still
// is.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "solve/minimise.h"

namespace pipit {

struct GncOptions {
  double scale = 3;       ///< c > 0: residual norm, in standard deviations, above which a factor is an outlier
  double growth = 1.4;    ///< > 1: mu grows by this each round; 1.4 as in the source
  int max_rounds = 100;   ///< re-weightings
  double settled = 1e-5;  ///< stop when the weighted cost changes by less than this fraction and all weights are 0 or 1
};

struct GncSummary {
  Summary last;  ///< of the last round; iterations and seconds are sums over all rounds, cost is robust
  int rounds = 0;
  std::int64_t inliers = 0, rejected = 0;  ///< factors of the doubted batches with weight >= 0.5, and the others
};

/// Doubts the factors of `batches` (indices into problem.batches()); the others are trusted. Sets their weights in
/// [0, 1]; structure and symbolic work stay. Each round is one run of the minimiser, from the last answer.
GncSummary minimise_gnc(Problem& problem,
                        std::span<const std::size_t> batches,
                        const MinimiseOptions& options,
                        const GncOptions& gnc,
                        const Observer& observer = {});

}  // namespace pipit
