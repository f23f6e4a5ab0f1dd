// factor/sweep.h — all panels of a factor, one after the other, without leaving one compiled loop.
// Source: Higham 2002, ch. 8 (substitution) and 14 (inverted diagonal blocks).   Internal to factor.cc.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "bits/panel.h"

namespace pipit {

/// One panel as the sweeps see it: rows [0, w) are `first`.. of y, the others blocks of y at rows[k] * B.
///
/// values   m x w column-major, leading dimension m; 16 more elements may be read.
/// inverse  for each group of up to 6 columns two 6 x 6 squares, column-major: the inverse of the group's diagonal
/// block
///          of L, then its transpose; zeros elsewhere. (Multiplying by it has no chain of divisions to wait for.)
template <class S>
struct SweepPanel {
  const S* values;
  const PanelVector<S>* inverse;
  const std::int32_t* rows;
  std::int32_t first, w, m;
};
inline constexpr int kSweepGroup = 6;
/// Scalars of `inverse` for a panel of w columns.
constexpr std::size_t inverse_size(int w) {
  return static_cast<std::size_t>(w + kSweepGroup - 1) / kSweepGroup * 2 * kSweepGroup * kSweepGroup;
}

/// y := L^-1 y, y := L^-T y.  y [n*B] with 16 elements of room behind it; t scratch [longest m + 32].
/// Exact: the error of panel_forward / panel_backward (bits/panel.h) plus 6 u |L_dd^-1| |L_dd| per diagonal block.
template <class S>
void sweep_forward(std::span<const SweepPanel<S>> panels, int B, PanelVector<S>* y, PanelVector<S>* t);
template <class S>
void sweep_backward(std::span<const SweepPanel<S>> panels, int B, PanelVector<S>* y, PanelVector<S>* t);

/// y_k = S_k x_at[k] (B x B blocks of `squares`, column-major, one after the other), times `factor`, for n blocks. y
/// has room for 16 more elements; x likewise may be read 8 further.   And the way back: x_at[k] = squares_k y_k times
/// factor.
template <class V, class X>
void scatter_scaled(const V* squares, const std::int32_t* at, int n, int B, V factor, const V* y, X* x);
template <class V, class X>
void gather_scaled(const V* squares, const std::int32_t* at, int n, int B, V factor, const X* x, V* y);

/// Rounds columns [0, w) of a computed panel, from the diagonal down, to `to` (leading dimension m; 16 elements of room
/// behind); zeros above. T: float, double.
template <class S, class T>
void round_panel(const T* panel, int m, int w, int ld, S* to);

}  // namespace pipit
