// lattice/confusion.h — the confusion network ("sausage"): slots of competing words, and how sure each word is.
// Source: Mangu, Brill and Stolcke, Finding Consensus in Speech Recognition (2000), with overlap in time for likeness.
#pragma once
#include <cstdint>
#include <vector>

#include "lattice/calibration.h"
#include "lattice/lattice.h"
#include "lattice/paths.h"

namespace pipit {

struct ConfusionSlot {
  struct Entry {
    std::int32_t word;  // of the lattice
    double posterior;
  };
  std::vector<Entry> entries;             // highest posterior first
  double none = 0;                        // posterior of no word here; none and the entries sum to 1
  double start_frame = 0, end_frame = 0;  // mean over its arcs, weighted by posterior
};

struct ConfusionNetwork {
  std::vector<ConfusionSlot> slots;    // in order of time
  std::vector<std::int32_t> arc_slot;  // for each arc its slot, -1 for arcs without a word
};

/// Clusters arcs that overlap in time and lie on no common path: first those with the same word, then the others, the
/// likeliest first. Law: along every path of the lattice the slots strictly rise.
/// Cost    O(A^2 log A + A^3 / 64) for A arcs with words between two states that all paths go through: prune first.
ConfusionNetwork confusion_network(const Lattice& lattice, const ScoreWeights& weights = {});

/// For each word on the path, its posterior in its slot, calibrated.
std::vector<double> word_confidence(const Lattice& lattice,
                                    const ConfusionNetwork& network,
                                    const LatticePath& path,
                                    const Calibration& calibration = {});

}  // namespace pipit
