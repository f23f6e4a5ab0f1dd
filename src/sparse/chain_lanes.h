// sparse/chain_lanes.h — the arithmetic of chains, several blocks at once. Private to Condensation.
// Legend: as in condensation.h; one group is kChainGroup steps, which do not need one another. Every number of a group
// lies beside the same number of the other steps: [B, B, kChainGroup] by columns.
#pragma once
#include <cstddef>

namespace pipit {

inline constexpr std::size_t kChainGroup = 8;

/// D [B, B, G] the blocks, E [num_ends, B, B, G] their blocks with every end (zero where there is none), H(end, block).
/// F [1 + num_ends, B, B, G] out: L^-1 (lower triangle only), X of every end.
/// P [num_ends (num_ends + 1) / 2, B, B, G] out: X_i X_j' of ends i <= j, at j (j + 1) / 2 + i.
/// False: a block was not positive definite.
template <class T>
bool factor_chains(int B, int num_ends, const T* D, const T* E, T* F, T* P);

/// g [B, G] -> y = L^-1 g, pull [num_ends, B, G] = X y of every end.
template <class T>
void reduce_chains(int B, int num_ends, const T* F, const T* g, T* y, T* pull);

/// z [num_ends, B, G] of every end -> dx [B, G] = -L^-T (y + X' z).
template <class T>
void extend_chains(int B, int num_ends, const T* F, const T* y, const T* z, T* dx);

}  // namespace pipit
