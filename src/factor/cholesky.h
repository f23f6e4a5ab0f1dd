// factor/cholesky.h — complete block Cholesky factorisation, multifrontal, in fp32, fp64 or (naively) in half.
// Source: Duff and Reid, The multifrontal solution of indefinite sparse symmetric linear equations (1983); Liu (1992).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "factor/block_matrix.h"
#include "factor/block_scaling.h"
#include "factor/dense.h"
#include "factor/symbolic.h"

namespace pipit {

/// H + diag(damping), not formed. damping [n*B] or empty.
template <class T>
struct DampedMatrix {
  const BlockSymmetric<T>* H = nullptr;
  std::span<const double> damping;
};

/// One block of the permuted lower triangle: its source in H and its place in a panel.
struct PanelEntry {
  std::int32_t block;     ///< index in the pattern of H
  std::int32_t row, col;  ///< block row in the front, block column in the panel
  std::int32_t i, j;      ///< block row and column of the matrix (old numbers) that end up there
  bool transposed;
};

/// Where every block of H goes in the panels of a layout. Also the incomplete factorisation's.
struct EntryPlan {
  std::vector<std::int32_t> begin;  ///< [num_panels+1]
  std::vector<PanelEntry> entry;
};
EntryPlan plan_entries(const BlockPattern& pattern, const PanelLayout& layout);

/// What a factorisation does in which order and where it keeps what, found once per structure.
struct CholeskyPlan {
  std::shared_ptr<const PanelLayout> layout;
  int B = 0;
  EntryPlan entries;
  std::vector<std::int32_t> child_begin, child;  ///< children of every panel, ascending
  std::vector<std::int32_t> relative;            ///< for every row of a layout: its block row in the parent's front
  std::vector<std::int64_t> update_at;           ///< place of a panel's update in the workspace
  std::int64_t workspace = 0;                    ///< scalars
  std::size_t largest_panel = 0;                 ///< scalars
  std::vector<std::vector<std::int32_t>> tasks;  ///< panels of independent subtrees, in order
  std::vector<std::int32_t> top;                 ///< the panels above them, in order

  FrontShape shape(int s) const { return {(layout->width(s) + layout->below(s)) * B, layout->width(s) * B}; }
};
CholeskyPlan plan_cholesky(const BlockPattern& pattern, std::shared_ptr<const PanelLayout> layout, int B);

/// Workspace kept between factorisations of one plan.
template <class T>
struct CholeskyWorkspace {
  ScalingIn<T> scaling;
  AlignedVector<T> updates;
  std::vector<AlignedVector<T>> panels;
};

/// Factors P (S (H + D) S^T + shift I) P^T and hands every panel to `sink(s, panel)`, on some thread, once each.
///
/// T       float, double: dense kernels;  HalfNumber: every operation in half (blocks are scaled in fp32 first).
/// Yields  -1, or the first (new) scalar column whose pivot is not positive and finite; the panels are then not all
/// handed over. Threads the bits do not depend on them.
template <class T, class From>
std::int64_t factorise(const CholeskyPlan& plan,
                       const DampedMatrix<From>& A,
                       const BlockScaling& scaling,
                       double shift,
                       CholeskyWorkspace<T>& work,
                       Workers& workers,
                       const std::function<void(int s, const T* panel, FrontShape shape)>& sink);

/// One scaled, damped, shifted block in T at out[ld].
template <class T, class From>
void fetch_block(
    const DampedMatrix<From>& A, const ScalingIn<T>& scaling, double shift, const PanelEntry& e, T* out, int ld);

}  // namespace pipit
