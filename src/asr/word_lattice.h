// asr/word_lattice.h — from a graph of pieces of words to a lattice of words.
#pragma once
#include <functional>
#include <string_view>

#include "asr/histories.h"
#include "lattice/lattice.h"

namespace pipit {

/// A word: a piece that begins one, and those after it up to the next. It lasts from its first piece's frame to the end
/// of its last one's. States are the places between words. Of the ways to spell a word between two places the best is
/// kept, and of the beginnings of words that end in one state the best 16.
///
/// Law     the best path is the best path of `labels`: words, frames, score (to rounding).
/// Needs   at least one end.   Cost O(arcs * 16 log 16).
Lattice word_lattice(const LabelLattice& labels, const std::function<std::string_view(std::int32_t)>& piece);

}  // namespace pipit
