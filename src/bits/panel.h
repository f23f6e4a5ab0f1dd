// bits/panel.h — triangular solves with one dense panel of a block Cholesky factor, in the format it is stored in.
// Source: Higham 2002, ch. 8 (substitution; the bound).   Legend: L11 top square, L21 the rows below it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "bits/half.h"

namespace pipit {

/// The format of the vectors that a panel of format S is applied to, and of the arithmetic.
template <class S>
struct PanelVectorOf {
  using Type = float;
};
template <>
struct PanelVectorOf<double> {
  using Type = double;
};
template <class S>
using PanelVector = typename PanelVectorOf<S>::Type;

// A panel: m x w, column-major, leading dimension ld >= m >= w >= 1. Its top w x w is lower triangular, the diagonal
// stored as RECIPROCALS; what stands above the diagonal is never read. S in {half, bfloat16, float, double}.
// Nothing beyond column w - 1, row m - 1 is read: panels may stand back to back.
// All vectors are contiguous and apart. NaN and infinity propagate. No allocation, no checks of sizes (PIPIT_DCHECK).
// Exact: |error| of x <= gamma_{m+2}(u) * (comparison-matrix solve), u of the vectors; panel_ref.h gives the bound.

/// x = L11^-1 x, then below -= L21 x.   x [w], below [m-w].
template <class S>
void panel_forward(const S* panel, int m, int w, int ld, PanelVector<S>* x, PanelVector<S>* below);

/// x = L11^-T (x - L21^T below).   x [w], below [m-w] (read).
template <class S>
void panel_backward(const S* panel, int m, int w, int ld, PanelVector<S>* x, const PanelVector<S>* below);

/// Somebody else's whole factor: panels in order of their columns, panel s on block columns [first[s], first[s+1]) with
/// block rows rows[row_begin[s]], .., rows[row_begin[s+1] - 1] below them, all > its columns. Its values start at
/// values + begin[s], ld = m = (columns + rows) * B.
template <class S>
struct PanelFactorView {
  int num_panels = 0, B = 0;
  const std::int32_t* first = nullptr;      ///< [num_panels + 1]
  const std::int64_t* row_begin = nullptr;  ///< [num_panels + 1]
  const std::int32_t* rows = nullptr;
  const std::int64_t* begin = nullptr;  ///< [num_panels]
  const S* values = nullptr;
};

/// x = L^-1 x and x = L^-T x, panel by panel as above: the same bits as the loop over panel_forward (panel_backward)
/// with the rows below gathered and scattered, but one dispatch for all. x [n*B] with n = first[num_panels].
/// Needs scratch of at least the longest list of rows times B, x of the right length (contract). No allocation.
template <class S>
void factor_forward(const PanelFactorView<S>& L, std::span<PanelVector<S>> x, std::span<PanelVector<S>> scratch);
template <class S>
void factor_backward(const PanelFactorView<S>& L, std::span<PanelVector<S>> x, std::span<PanelVector<S>> scratch);

}  // namespace pipit
