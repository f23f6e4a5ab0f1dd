// lattice/posteriors.h — how likely each arc is among all paths, and smaller lattices by that.
// Source: forward-backward over an acyclic graph, in the log domain and fp64.
#pragma once
#include <vector>

#include "lattice/lattice.h"

namespace pipit {

struct Posteriors {
  std::vector<double> arc;     // part of all path weight that goes through the arc, in [0, 1]
  std::vector<double> follow;  // the arc given its first state: those that leave one state sum to 1
  double log_total = 0;        // log of the sum over all paths of exp(score)
};

/// A path's posterior is exp(score - log_total), also the product of `follow` along it: they sum to 1.
/// Cost    O(arcs).
Posteriors posteriors(const Lattice& lattice, const ScoreWeights& weights = {});

/// Leaves out arcs with a posterior below `least` (in [0, 1]); the best path always stays.
Lattice prune_by_posterior(const Lattice& lattice, double least, const ScoreWeights& weights = {});
/// Leaves out arcs whose best path scores more than `beam` (>= 0) below the best of all.
Lattice prune_by_beam(const Lattice& lattice, double beam, const ScoreWeights& weights = {});

}  // namespace pipit
