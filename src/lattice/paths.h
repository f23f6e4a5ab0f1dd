// lattice/paths.h — the best path, the n best, and the one closest to what was said.
// Source: n-best by A* whose estimate is exact (Soong and Huang, A Tree-Trellis Based Fast Search, 1991).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lattice/lattice.h"
#include "text/edit_distance.h"

namespace pipit {

struct LatticePath {
  std::vector<std::int32_t> arcs;  // from start to end
  double score = 0;                // sum of the weighted scores
};

/// Cost    O(arcs). Among equals the one whose last differing arc comes first.
LatticePath best_path(const Lattice& lattice, const ScoreWeights& weights = {});

/// The n paths of highest score, best first; fewer when there are fewer. Paths, not texts: two of them may say the same
/// unless the lattice is deterministic (determinise.h). Exact.
/// Needs   n >= 0.   Cost O(arcs + n length degree log).
std::vector<LatticePath> n_best(const Lattice& lattice, int n, const ScoreWeights& weights = {});

struct Oracle {
  EditCounts counts;
  LatticePath path;
};

/// The path with the fewest word errors against `reference`, and those errors. Exact.
/// Cost    O(arcs * reference) time and memory.
Oracle oracle(const Lattice& lattice, std::span<const std::string_view> reference, const ScoreWeights& weights = {});

}  // namespace pipit
