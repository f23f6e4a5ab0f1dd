// factor/chains.h — chains contracted: what a robot drives without closing a loop, eliminated ahead of everything else.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "factor/pattern.h"

namespace pipit {

/// One block leaves the graph; what it tied together, at most two others, stays tied.
struct ChainStep {
  std::int32_t block = -1;
  std::array<std::int32_t, 2> end{-1, -1};   ///< its neighbours at that time, the larger first; -1: none
  std::array<std::int32_t, 2> edge{-1, -1};  ///< where its block with each of them stands, see Chains
  std::int32_t joined = -1;                  ///< where the block of the two ends stands; -1 without two
};

/// Blocks with at most two neighbours are eliminated first: each adds no more than the one edge that it took away, so
/// the graph shrinks and its factor does not grow. Blind alleys go from their end; chains in rounds of blocks that do
/// not touch, so that they become shallow trees rather than paths.
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
