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
  Summary last;    ///< the run behind the answer; iterations, trace, seconds and work are those of all runs
  int rounds = 0;  ///< re-weightings
  std::int64_t inliers = 0, rejected = 0;  ///< factors of the doubted batches with weight >= 0.5, and the others
};

/// Doubts the factors of `batches` (indices into problem.batches()); the others are trusted. Leaves the weights of the
/// doubted at 0 or 1 (in between only where it was cut short) and the variables at the optimum of what is kept.
///
/// Starts from the values the problem holds: the trusted factors should nearly fit there (a robot: dead reckoning). A
/// sweep: re-weight and take one inexact Gauss-Newton step, again and again (a run to convergence in each round, and a
/// first one without doubt, as in the source, end in worse minima: homes with half of their closures wrong). While many
/// weights are undecided the whole structure is solved with an incomplete factor, since doubted factors tie anything to
/// anything and a complete one would drown in fill; then factors of weight 0 leave the structure. With all weights at 0
/// or 1, `options` says how what fits (s <= c^2) is solved to the end. The next sweep starts from there; sweeps go on
/// while they lower the cost with min(s, c^2) for a doubted s by 0.1 %, so an answer never gets worse.
///
/// max_iterations and tolerance bound each run at the end of a sweep; the time limit bounds the whole.
/// Threads same bits for any num_threads.
GncSummary minimise_gnc(Problem& problem,
                        std::span<const std::size_t> batches,
                        const MinimiseOptions& options,
                        const GncOptions& gnc,
                        const Observer& observer = {});

}  // namespace pipit
