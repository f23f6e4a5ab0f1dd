// lattice/lattice_io.h — a lattice as few bytes, as OpenFst text and as a drawing.
#pragma once
#include <string>
#include <string_view>

#include "lattice/lattice.h"

namespace pipit {

/// Scores are stored in steps of this many nats: what is read back differs by at most half a step (1/128).
inline constexpr double kScoreStep = 1.0 / 64;

/// Layout: "PLAT", version 1 (a byte), then varints (7 bits a byte, low first; z: zigzag, for numbers of either sign):
///   number of words, each: length, bytes;   number of states, each: z(frame - frame before)
///   number of arcs, each: from - from before, to - from - 1, word + 1, z(acoustic / step), z(label / step),
///                         z(start_frame - frame of `from`), end_frame - start_frame
/// Needs   scores within 2^50 steps (contract).   Law: to_bytes(from_bytes(b)) == b.
std::string to_bytes(const Lattice& lattice);

/// Fails with BadFormat in one line on anything that to_bytes does not write. Memory is bounded by the size of `bytes`.
Result<Lattice> from_bytes(std::string_view bytes);

/// Lines "from to word word cost" and the last state, as fstcompile reads them with a symbol table for the words; cost
/// is minus the weighted score, <eps> an arc without a word.
std::string to_openfst_text(const Lattice& lattice, const ScoreWeights& weights = {});
/// A graph for `dot`: words, posteriors, and the best path in bold.
std::string to_graphviz(const Lattice& lattice, const ScoreWeights& weights = {});

}  // namespace pipit
