// factor/incomplete.h — block incomplete Cholesky factorisation on a fixed pattern.
// Source: Meijerink and van der Vorst, An iterative solution method for linear systems of which the coefficient matrix
// is a
//         symmetric M-matrix (1977); Manteuffel, An incomplete factorization technique for positive definite systems
//         (1980).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "factor/cholesky.h"

namespace pipit {

/// L(row, col) -= L(row, k) L(col, k)^T for one k: blocks by their place in the list of all blocks.
struct BlockUpdate {
  std::int32_t target, left, right;
};

struct IncompletePlan {
  std::shared_ptr<const PanelLayout> layout;  ///< every panel one block column (incomplete_layout)
  int B = 0;
  EntryPlan entries;
  std::vector<std::int64_t> update_begin;  ///< [n+1]
  std::vector<BlockUpdate> update;         ///< by target column, then by k

  std::int64_t first_block(int j) const { return layout->row_begin[j] + j; }
  FrontShape shape(int j) const { return {(1 + layout->below(j)) * B, B}; }
};
IncompletePlan plan_incomplete(const BlockPattern& pattern, std::shared_ptr<const PanelLayout> layout, int B);

template <class T>
struct IncompleteWorkspace {
  ScalingIn<T> scaling;
  AlignedVector<T> blocks, panel;
};

/// Incomplete factor of P (S (H + D) S^T + shift I) P^T, handed to `sink(j, panel)` column by column.
/// Yields -1, or the first (new) scalar column whose pivot is not positive and finite. Try again with a larger shift.
/// Equals the complete factorisation where the pattern loses nothing (a tree ordered from its leaves;
/// incomplete_test.cc).
template <class T, class From>
std::int64_t factorise(const IncompletePlan& plan,
                       const DampedMatrix<From>& A,
                       const BlockScaling& scaling,
                       double shift,
                       IncompleteWorkspace<T>& work,
                       const std::function<void(int s, const T* panel, FrontShape shape)>& sink);

}  // namespace pipit
