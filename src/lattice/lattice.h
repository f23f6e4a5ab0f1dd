// lattice/lattice.h — words that may have been said: a directed graph without cycles, each arc a word with scores,
// times.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pipit {

inline constexpr std::int32_t kNoWord = -1;  // an arc that says nothing

struct LatticeArc {
  std::int32_t from = 0, to = 0;                // states, from < to
  std::int32_t word = kNoWord;                  // index into Lattice::words, or kNoWord
  double acoustic = 0, label = 0;               // natural log scores: of the sound, of the words (LM)
  std::int32_t start_frame = 0, end_frame = 0;  // the word's sound: frames [start, end)
  bool operator==(const LatticeArc&) const = default;
};

/// States are 0 .. frames.size() - 1 in topological order; 0 is the start, the last one the only end. Two arcs may join
/// the same states. A lattice of one state holds the empty text.
struct Lattice {
  std::vector<std::string> words;
  std::vector<std::int32_t> frames;  // of each state
  std::vector<LatticeArc> arcs;      // by `from`, in any order within one state
  std::int32_t num_states() const { return static_cast<std::int32_t>(frames.size()); }
  bool operator==(const Lattice&) const = default;
};

/// What makes one score of two: acoustic * arc.acoustic + label * arc.label. Finite.
struct ScoreWeights {
  double acoustic = 1, label = 1;
  double operator()(const LatticeArc& arc) const { return acoustic * arc.acoustic + label * arc.label; }
};

/// Fails with BadFormat, naming state or arc, unless: at least one state; arcs go forwards, in order of `from`, between
/// states that are there; words in range, not empty, without spaces; scores finite; 0 <= start <= end, frames >= 0;
/// every state on a path from start to end. All other calls of this room need a lattice for which this holds.
Status check(const Lattice& lattice);

/// The lattice with the arcs of which keep[arc] says so, without states that no longer lie on a path and words no
/// longer used. Needs at least one complete path among them (or a single state).
Lattice keep_arcs(const Lattice& lattice, const std::vector<bool>& keep);

/// First arc of each state, and the number of arcs at the end: the arcs of s are [first[s], first[s + 1]).
std::vector<std::size_t> first_arcs(const Lattice& lattice);

/// The words along arcs, separated by spaces.
std::string path_text(const Lattice& lattice, std::span<const std::int32_t> arcs);

}  // namespace pipit
