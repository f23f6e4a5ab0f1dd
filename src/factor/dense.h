// factor/dense.h — one front of a multifrontal Cholesky factorisation: small dense kernels.
// Source: Liu, The multifrontal method for sparse matrix solution: theory and practice (1992).
//
//   front   m x m, lower triangle:  [ L11     ]  w columns of the panel itself
//                                   [ L21   U ]  U = what the panel subtracts from its ancestors
#pragma once
#include <cstddef>
#include <cstdint>

namespace pipit {

/// Scalar shape of a front. Columns start on multiples of 16 rows, so that vectors are aligned and may run over the
/// end.
struct FrontShape {
  int m = 0, w = 0;

  int ld() const { return (m + 15) / 16 * 16; }
  std::size_t panel_size() const { return static_cast<std::size_t>(ld()) * w; }
  /// Row r of U is row w + r of the front; U is stored from the last aligned row at or above it.
  int pad() const { return w % 16; }
  int update_ld() const { return ld() - (w - pad()); }
  std::size_t update_size() const { return static_cast<std::size_t>(update_ld()) * (m - w); }
};

/// Factors the panel [ld, w], column-major, in place: L11, L21 with L L^T = the panel's columns. Diagonal entries are
/// left as reciprocals. What stands above the diagonal and in rows >= m is undefined afterwards.
/// T: float, double. Needs: panel aligned to 64 bytes.
/// Yields  -1, or the first column whose pivot is not positive and finite (the panel is then half done).
/// Exact   |L L^T - A| <= (w + 2) eps |L| |L|^T entrywise (dense_test.cc).
/// Cost    w m^2 - w^2 m + w^3 / 3 multiply-adds.   Threads  any, one per front.
template <class T>
int factor_panel(T* panel, FrontShape shape);

/// update = -L21 L21^T: entry (r, c) is right for r >= c and, with c in the same group of six columns, for r < c too
/// (so diagonal blocks of 1, 2, 3 or 6 are whole). What else stands in the storage is undefined but finite.
template <class T>
void form_update(const T* panel, FrontShape shape, T* update);

/// Columns [begin, end) of form_update only, for several threads. Needs: begin a multiple of 6 (or 0).
template <class T>
void form_update(const T* panel, FrontShape shape, T* update, int begin, int end);

/// A child's update added into its parent's front. Block row k below the child is block row relative[k] of the parent,
/// ascending; those below parent.w / B are columns of the panel.
template <class T>
struct ChildUpdate {
  const T* update;
  FrontShape shape;
  const std::int32_t* relative;  ///< [(shape.m - shape.w) / B]
};
template <class T>
void add_to_panel(const ChildUpdate<T>& child, int B, T* panel, FrontShape parent);
template <class T>
void add_to_update(const ChildUpdate<T>& child, int B, T* update, FrontShape parent);

/// out = S_row op(A) S_col^T, op = transpose or nothing: one equilibrated block, B x B column-major with leading
/// dimension ld. S lower triangular B x B column-major with zeros above, or null for the identity. Reads up to 8
/// elements past S. T: float, double;  A of type From: float, double.
template <class From, class T>
void scaled_block(const From* block, bool transposed, const T* s_row, const T* s_col, int B, T* out, int ld);

/// out -= left right^T, blocks B x B column-major and contiguous. T: float, double. Reads up to 8 elements past a
/// block.
template <class T>
void subtract_product(const T* left, const T* right, int B, T* out);

}  // namespace pipit
