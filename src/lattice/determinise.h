// lattice/determinise.h — the same texts with the same best scores, each text on one path only, in as few states as may
// be. Source: Mohri, Finite-State Transducers in Language and Speech Processing (1997); OpenFst does the work.
#pragma once
#include "lattice/lattice.h"

namespace pipit {

/// Determinises and minimises over pairs (weighted score, acoustic score), compared by the first: each text keeps the
/// best weighted score among its paths, and that path's split into acoustic and label score.
///
/// Exact   scores of whole paths to 1e-9 per word (weights are rounded to 2^-30 when states are merged).
/// Times   of an arc are those of the arc with this word on the best path of the input that has the same words before
/// it. Scores  along a path are moved towards the start: those of single arcs mean nothing, their sums do. Needs
/// weights.label != 0 (the label score is what the acoustic one leaves over). Cost    exponential at worst; fails with
/// Unsupported when the result needs more than max_states states.
Result<Lattice> determinise(const Lattice& lattice, const ScoreWeights& weights = {}, int max_states = 100'000);

}  // namespace pipit
