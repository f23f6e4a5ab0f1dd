// factor/chains.h — chains contracted: what a robot drives without closing a loop, eliminated ahead of everything else.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "factor/pattern.h"

namespace pipit {

/// A block with more neighbours than this stays.
inline constexpr int kMostEnds = 3;

/// One block leaves the graph; what it tied together stays tied.
struct ChainStep {
  std::int32_t block = -1;
  std::int32_t num_ends = 0;
  std::array<std::int32_t, kMostEnds> end{};   ///< its neighbours at that time, falling
  std::array<std::int32_t, kMostEnds> edge{};  ///< where its block with each of them stands, see Chains
  /// Where the block of ends i < j stands, at pair_of(i, j).
  std::array<std::int32_t, kMostEnds*(kMostEnds - 1) / 2> joined{};
};
constexpr std::size_t pair_of(std::size_t i, std::size_t j) { return j * (j - 1) / 2 + i; }

/// Blocks with at most three neighbours are eliminated first: each adds no more edges than it takes away, so the graph
/// shrinks and its factor does not grow. Those with fewest neighbours go first, blind alleys from their end; the others
/// in rounds of blocks that do not touch, so that chains become shallow trees rather than paths.
///
/// An edge stands where it does in the pattern, or, where it came into being, at num_blocks(), num_blocks() + 1, ..
struct Chains {
  std::vector<ChainStep> steps;      ///< in order
  std::vector<std::int32_t> kept;    ///< block columns that stay, ascending
  BlockPattern rest;                 ///< of those, numbered by their place in `kept`
  std::vector<std::int32_t> origin;  ///< [rest.num_blocks()]: where each of its blocks stands
  std::int32_t num_edges = 0;        ///< places in all: those of the pattern, and those of edges that came
};

/// Cost: O(blocks); a block that has more than 64 neighbours keeps what hangs on it.
Chains contract_chains(const BlockPattern& pattern);
/// Whether at least one block in eight has no more than two neighbours: else looking for chains costs more than it
/// saves.
bool has_chains(const BlockPattern& pattern);

}  // namespace pipit
