// sparse/chain_lanes.h — the arithmetic of chains, several blocks at once. Private to Condensation.
// Legend: as in condensation.h; one group is kChainGroup steps, which do not need one another. Every number of a group
// lies beside the same number of the other steps: [B, B, kChainGroup] by columns.
#pragma once
#include <cstddef>

namespace pipit {

inline constexpr std::size_t kChainGroup = 8;

/// D [B, B, G] the blocks, E [2, B, B, G] their blocks with both ends (zero where there is none), H(end, block).
/// F [3, B, B, G] out: L^-1 (lower triangle only), X of both ends.   P [3, B, B, G] out: X0 X0', X1 X1', X0 X1'.
/// False: a block was not positive definite.
template <class T>
bool factor_chains(int B, const T* D, const T* E, T* F, T* P);

/// g [B, G] -> y = L^-1 g, pull [2, B, G] = X y of both ends.
template <class T>
void reduce_chains(int B, const T* F, const T* g, T* y, T* pull);

/// z [2, B, G] of both ends -> dx [B, G] = -L^-T (y + X' z).
template <class T>
void extend_chains(int B, const T* F, const T* y, const T* z, T* dx);

}  // namespace pipit
