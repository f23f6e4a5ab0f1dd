// factor/symbolic.h — where the blocks of a Cholesky factor stand, found once per structure.
// Source: Liu, The role of elimination trees in sparse factorization (1990); Ashcraft and Grimes, The influence of
// relaxed
//         supernode partitions on the multifrontal method (1989); Saad, Iterative Methods for Sparse Linear Systems
//         (2003), 10.3.
#pragma once
#include <cstdint>
#include <vector>

#include "factor/pattern.h"

namespace pipit {

/// A factor cut into panels: panel s holds the block columns [first[s], first[s+1]) of the permuted matrix as one dense
/// trapezoid, its own columns on top (lower triangle), then the block rows rows[row_begin[s] .. row_begin[s+1]),
/// ascending. Complete factor: panels are supernodes. Incomplete factor: every block column is a panel.
struct PanelLayout {
  int n = 0;
  std::vector<std::int32_t> permutation;   ///< [n] permutation[new] = old
  std::vector<std::int32_t> first{0};      ///< [num_panels+1]
  std::vector<std::int64_t> row_begin{0};  ///< [num_panels+1]
  std::vector<std::int32_t> rows;          ///< block rows below, new numbers
  std::vector<std::int32_t> parent;        ///< [num_panels] panel of the first row below, -1: none
  std::int64_t num_nonzero = 0;            ///< blocks of the factor; panels hold more where they were joined

  int num_panels() const { return static_cast<int>(first.size()) - 1; }
  int width(int s) const { return first[s + 1] - first[s]; }
  int below(int s) const { return static_cast<int>(row_begin[s + 1] - row_begin[s]); }
  std::int64_t num_blocks() const;  ///< blocks of all panels, diagonal triangles counted as such
  double flops(int B) const;        ///< multiplications and additions of a complete factorisation
  double factor_ns(int B) const;  ///< predicted time of one factorisation in fp32, one thread (symbolic.cc has the fit)
  double solve_ns(int B) const;   ///< predicted time of one pair of triangular solves in fp16
};

/// The panels of a complete factor as independent subtrees, which threads take as they come, and what stands above
/// them. Depends on the structure alone, so that what is computed does not depend on how many threads there are.
struct TreeCut {
  std::vector<std::vector<std::int32_t>> tasks;  ///< panels of each, ascending; no task needs another
  std::vector<std::int32_t> top;                 ///< ascending; ancestors of tasks
};
/// Small factors (under 4e7 multiplications) are one task. Needs: a complete layout.
TreeCut cut_tree(const PanelLayout& layout, int B);

/// Complete factor of the permuted pattern: elimination tree, postorder, supernodes, joined where one larger dense
/// panel is predicted to be faster than two small ones (some zeros are then stored). The permutation of the result is
/// the given one, reordered within the freedom of the elimination tree (same fill). Cost: O(blocks of the factor).
PanelLayout complete_layout(const BlockPattern& pattern, const std::vector<std::int32_t>& permutation, int B);

/// Incomplete factor with level of fill: a fill block of level 1 + level(i,k) + level(k,j) is kept when that is <=
/// level. level 0 keeps the pattern; a level >= n the complete factor.
PanelLayout incomplete_layout(const BlockPattern& pattern, const std::vector<std::int32_t>& permutation, int level);

}  // namespace pipit
