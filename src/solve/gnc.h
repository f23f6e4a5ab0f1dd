// solve/gnc.h — graduated non-convexity: finds the outliers of a problem without a good start.
// Source: Yang, Antonante, Tzoumas and Carlone, Graduated Non-Convexity for Robust Spatial Perception (RA-L 2020), sec.
// IV: truncated least squares (eqs. 13 and 14).   Legend: s = ||r||^2, c = scale, mu = how convex the surrogate still
// is.
#pragma once
#include <span>

#include "solve/minimise.h"

namespace pipit {

struct GncOptions {
  double scale = 3;      ///< c > 0: residual norm, in standard deviations, above which a factor is an outlier
  double growth = 1.4;   ///< > 1: mu grows by this each round; 1.4 as in the source
  int max_rounds = 100;  ///< re-weightings: at 1.4 enough for residuals of 1e7 c
};

struct GncSummary {
  Summary last;    ///< of the last run; iterations, trace, seconds and linear work are sums over all; cost is robust
  int rounds = 0;  ///< re-weightings before all weights were 0 or 1
  std::int64_t inliers = 0, rejected = 0;  ///< factors of the doubted batches with weight 1, and the others
};

/// Doubts the factors of `batches` (indices into problem.batches()); the others are trusted. Leaves their weights at 0
/// or 1 (in between only when cancelled).
///
/// Each round re-weights and takes one inexact Gauss-Newton step on the whole structure, with an incomplete factor:
/// doubted factors tie anything to anything, and a complete one would drown in fill. When all weights are 0 or 1, the
/// rejected factors leave the structure, `options` says how the rest is solved to the end, and what fits then (s <=
/// c^2) is what is kept; each change of the set lowers sum min(s, c^2), so this ends.
/// max_iterations and the tolerance bound each run at the end; the time limit bounds the whole.
GncSummary minimise_gnc(Problem& problem,
                        std::span<const std::size_t> batches,
                        const MinimiseOptions& options,
                        const GncOptions& gnc,
                        const Observer& observer = {});

}  // namespace pipit
