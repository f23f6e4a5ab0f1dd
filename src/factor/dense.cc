#include "factor/dense.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"
#include "factor/dense_ref.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factor/dense.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of a tile in vectors, columns of a tile: kTall x 6 accumulators, kTall operands and one broadcast fit the
// registers.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr int kTall = 4;
#else
inline constexpr int kTall = 2;
#endif
inline constexpr int kWide = 6;

/// acc[j][i] -= sum over `depth` columns k of rows[k * ld + i-th vector] * cols[k * ld + j].
template <int MR, int NR, class D, class T>
HWY_INLINE void subtract_outer(
    D d, const T* HWY_RESTRICT rows, const T* HWY_RESTRICT cols, size_t ld, size_t depth, hn::Vec<D> (&acc)[NR][MR]) {
  const size_t lanes = hn::Lanes(d);
  for (size_t k = 0; k < depth; ++k) {
    hn::Vec<D> a[MR];
    for (int i = 0; i < MR; ++i) a[i] = hn::Load(d, rows + i * lanes);
    for (int j = 0; j < NR; ++j) {
      const auto b = hn::Set(d, cols[j]);
      for (int i = 0; i < MR; ++i) acc[j][i] = hn::NegMulAdd(a[i], b, acc[j][i]);
    }
    rows += ld;
    cols += ld;
  }
}

/// Lower Cholesky factor of the NR x NR block at `a`, and the reciprocals of its diagonal. Yields the bad column or -1.
template <int NR, class T>
HWY_INLINE int factor_block(const T* a, size_t ld, T (&L)[NR][NR], T (&reciprocal)[NR]) {
  for (int c = 0; c < NR; ++c) {
    T pivot = a[c * ld + c];
    for (int k = 0; k < c; ++k) pivot -= L[c][k] * L[c][k];
    if (!(pivot > 0) || !(pivot < std::numeric_limits<T>::infinity())) return c;
    reciprocal[c] = T(1) / std::sqrt(pivot);
    for (int r = c + 1; r < NR; ++r) {
      T sum = a[c * ld + r];
      for (int k = 0; k < c; ++k) sum -= L[r][k] * L[c][k];
      L[r][c] = sum * reciprocal[c];
    }
  }
  return -1;
}

/// acc := acc L^-T, whole vectors of rows at a time.
template <int MR, int NR, class D, class T>
HWY_INLINE void divide(D d, const T (&L)[NR][NR], const T (&reciprocal)[NR], hn::Vec<D> (&acc)[NR][MR]) {
  for (int c = 0; c < NR; ++c) {
    for (int k = 0; k < c; ++k) {
      const auto l = hn::Set(d, L[c][k]);
      for (int i = 0; i < MR; ++i) acc[c][i] = hn::NegMulAdd(acc[k][i], l, acc[c][i]);
    }
    const auto s = hn::Set(d, reciprocal[c]);
    for (int i = 0; i < MR; ++i) acc[c][i] = hn::Mul(acc[c][i], s);
  }
}

/// Rows [r, r + MR vectors) of columns [k, k + NR): minus the columns before k, then divided by the diagonal block.
template <int MR, int NR, bool kUpdate, bool kDivide, class D, class T>
HWY_INLINE void panel_tile(
    D d, T* HWY_RESTRICT panel, size_t ld, size_t k, size_t r, const T (&L)[NR][NR], const T (&reciprocal)[NR]) {
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> acc[NR][MR];
  T* at = panel + k * ld + r;
  for (int j = 0; j < NR; ++j)
    for (int i = 0; i < MR; ++i) acc[j][i] = hn::Load(d, at + j * ld + i * lanes);
  if (kUpdate) subtract_outer<MR, NR>(d, panel + r, panel + k, ld, k, acc);
  if (kDivide) divide<MR, NR>(d, L, reciprocal, acc);
  for (int j = 0; j < NR; ++j)
    for (int i = 0; i < MR; ++i) hn::Store(acc[j][i], d, at + j * ld + i * lanes);
}

/// Columns [k, k + NR) of the panel, those before k being done. Yields the bad column of the block or -1.
template <int NR, class D, class T>
HWY_INLINE int panel_step(D d, T* HWY_RESTRICT panel, size_t ld, size_t m, size_t k) {
  const size_t lanes = hn::Lanes(d), end = (m + lanes - 1) / lanes * lanes;
  T L[NR][NR], reciprocal[NR];
  // The vectors that hold the diagonal block come first, since the others are divided by it.
  size_t r = k / lanes * lanes;
  const size_t first = r;
  for (; r < k + NR; r += lanes) panel_tile<1, NR, true, false>(d, panel, ld, k, r, L, reciprocal);
  const int bad = factor_block<NR>(panel + k * ld + k, ld, L, reciprocal);
  if (bad >= 0) return bad;
  for (size_t top = first; top < r; top += lanes) panel_tile<1, NR, false, true>(d, panel, ld, k, top, L, reciprocal);
  for (; r + kTall * lanes <= end; r += kTall * lanes)
    panel_tile<kTall, NR, true, true>(d, panel, ld, k, r, L, reciprocal);
  if constexpr (kTall > 2) {
    for (; r + 2 * lanes <= end; r += 2 * lanes) panel_tile<2, NR, true, true>(d, panel, ld, k, r, L, reciprocal);
  }
  for (; r < end; r += lanes) panel_tile<1, NR, true, true>(d, panel, ld, k, r, L, reciprocal);
  for (int c = 0; c < NR; ++c) {
    T* column = panel + (k + c) * ld + k;
    column[c] = reciprocal[c];
    for (int row = c + 1; row < NR; ++row) column[row] = L[row][c];
  }
  return -1;
}

template <class T>
int factor_panel_here(T* panel, FrontShape shape) {
  const hn::ScalableTag<T> d;
  const size_t ld = shape.ld(), m = shape.m, w = shape.w;
  for (size_t k = 0; k < w;) {
    const size_t width = std::min<size_t>(kWide, w - k);
    int bad = 0;
    switch (width) {
      case 1:
        bad = panel_step<1>(d, panel, ld, m, k);
        break;
      case 2:
        bad = panel_step<2>(d, panel, ld, m, k);
        break;
      case 3:
        bad = panel_step<3>(d, panel, ld, m, k);
        break;
      case 4:
        bad = panel_step<4>(d, panel, ld, m, k);
        break;
      case 5:
        bad = panel_step<5>(d, panel, ld, m, k);
        break;
      default:
        bad = panel_step<6>(d, panel, ld, m, k);
        break;
    }
    if (bad >= 0) return static_cast<int>(k) + bad;
    k += width;
  }
  return -1;
}

template <int MR, int NR, class D, class T>
HWY_INLINE void update_tile(D d,
                            const T* HWY_RESTRICT rows,
                            const T* HWY_RESTRICT cols,
                            size_t ld,
                            size_t depth,
                            T* HWY_RESTRICT to,
                            size_t to_ld) {
  hn::Vec<D> acc[NR][MR];
  for (int j = 0; j < NR; ++j)
    for (int i = 0; i < MR; ++i) acc[j][i] = hn::Zero(d);
  subtract_outer<MR, NR>(d, rows, cols, ld, depth, acc);
  for (int j = 0; j < NR; ++j)
    for (int i = 0; i < MR; ++i) hn::Store(acc[j][i], d, to + j * to_ld + i * hn::Lanes(d));
}

/// Columns [c, c + NR) of the update from its diagonal down.
template <int NR, class D, class T>
HWY_INLINE void update_columns(D d, const T* panel, FrontShape shape, T* update, size_t c) {
  const size_t lanes = hn::Lanes(d), ld = shape.ld(), to_ld = shape.update_ld(), w = shape.w;
  const size_t end = (shape.m + lanes - 1) / lanes * lanes, shift = w - shape.pad();
  const T* cols = panel + w + c;
  T* to = update + c * to_ld;
  size_t r = (w + c) / lanes * lanes;
  for (; r + kTall * lanes <= end; r += kTall * lanes)
    update_tile<kTall, NR>(d, panel + r, cols, ld, w, to + (r - shift), to_ld);
  if constexpr (kTall > 2) {
    for (; r + 2 * lanes <= end; r += 2 * lanes) update_tile<2, NR>(d, panel + r, cols, ld, w, to + (r - shift), to_ld);
  }
  for (; r < end; r += lanes) update_tile<1, NR>(d, panel + r, cols, ld, w, to + (r - shift), to_ld);
}

template <class T>
void form_update_here(const T* panel, FrontShape shape, T* update, int begin, int end) {
  const hn::ScalableTag<T> d;
  int c = begin;
  for (; c + kWide <= end; c += kWide) update_columns<kWide>(d, panel, shape, update, c);
  switch (end - c) {
    case 1:
      return update_columns<1>(d, panel, shape, update, c);
    case 2:
      return update_columns<2>(d, panel, shape, update, c);
    case 3:
      return update_columns<3>(d, panel, shape, update, c);
    case 4:
      return update_columns<4>(d, panel, shape, update, c);
    case 5:
      return update_columns<5>(d, panel, shape, update, c);
    default:
      return;
  }
}

/// to[0..count) += from[0..count), nothing beyond touched.
template <class D, class T>
HWY_INLINE size_t add_vectors(D d, T* HWY_RESTRICT to, const T* HWY_RESTRICT from, size_t i, size_t count) {
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d))
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  return i;
}
template <class T>
HWY_INLINE void add_run(T* HWY_RESTRICT to, const T* HWY_RESTRICT from, size_t count) {
  const hn::ScalableTag<T> d;
  size_t i = add_vectors(d, to, from, 0, count);
  if constexpr (hn::MaxLanes(d) > 8) i = add_vectors(hn::CappedTag<T, 8>(), to, from, i, count);
  if constexpr (hn::MaxLanes(d) > 4) i = add_vectors(hn::CappedTag<T, 4>(), to, from, i, count);
  if constexpr (hn::MaxLanes(d) > 2) i = add_vectors(hn::CappedTag<T, 2>(), to, from, i, count);
  if constexpr (hn::MaxLanes(d) > 1) add_vectors(hn::CappedTag<T, 1>(), to, from, i, count);
}

/// Block columns [first, last) of the child, to target + (column of the parent) * to_ld, rows counted from row_shift,
/// columns from col_shift.
template <class T>
void add_columns_here(
    const ChildUpdate<T>& child, int B, int first, int last, T* target, size_t to_ld, int row_shift, int col_shift) {
  const size_t from_ld = child.shape.update_ld();
  const int blocks = (child.shape.m - child.shape.w) / B;
  const std::int32_t* relative = child.relative;
  for (int cb = first; cb < last; ++cb) {
    const T* from = child.update + static_cast<size_t>(cb) * B * from_ld + child.shape.pad();
    T* to = target + static_cast<size_t>(relative[cb] * B - col_shift) * to_ld;
    for (int rb = cb; rb < blocks;) {
      int end = rb + 1;
      while (end < blocks && relative[end] == relative[end - 1] + 1) ++end;
      T* at = to + (relative[rb] * B - row_shift);
      const T* source = from + rb * B;
      const size_t count = static_cast<size_t>(end - rb) * B;
      for (int c = 0; c < B; ++c) add_run(at + c * to_ld, source + c * from_ld, count);
      rb = end;
    }
  }
}

/// out = S_row op(A) S_col^T for B x B blocks held in one vector per column.
template <int B, class D, class From, class T>
HWY_INLINE void scaled_block_in(
    D d, const From* block, bool transposed, const T* s_row, const T* s_col, T* out, size_t ld) {
  T a[B * B];
  if (transposed) {
    for (int c = 0; c < B; ++c)
      for (int r = 0; r < B; ++r) a[c * B + r] = static_cast<T>(block[r * B + c]);
  } else {
    for (int k = 0; k < B * B; ++k) a[k] = static_cast<T>(block[k]);
  }
  hn::Vec<D> s[B], left[B];
  for (int k = 0; k < B; ++k) s[k] = hn::LoadU(d, s_row + k * B);
  for (int c = 0; c < B; ++c) {
    left[c] = hn::Mul(s[0], hn::Set(d, a[c * B]));
    for (int k = 1; k < B; ++k) left[c] = hn::MulAdd(s[k], hn::Set(d, a[c * B + k]), left[c]);
  }
  const auto mask = hn::FirstN(d, B);
  for (int c = 0; c < B; ++c) {
    auto sum = hn::Mul(left[0], hn::Set(d, s_col[c]));
    for (int k = 1; k <= c; ++k) sum = hn::MulAdd(left[k], hn::Set(d, s_col[k * B + c]), sum);
    hn::BlendedStore(sum, mask, d, out + c * ld);
  }
}

template <class From, class T>
void scaled_block_here(const From* block, bool transposed, const T* s_row, const T* s_col, int B, T* out, int ld) {
  const hn::CappedTag<T, 8> d8;
  const hn::CappedTag<T, 4> d4;
  if constexpr (hn::MaxLanes(d8) == 8) {
    if (B == 6 && s_row != nullptr) return scaled_block_in<6>(d8, block, transposed, s_row, s_col, out, ld);
  }
  if constexpr (hn::MaxLanes(d4) == 4) {
    if (B == 3 && s_row != nullptr) return scaled_block_in<3>(d4, block, transposed, s_row, s_col, out, ld);
  }
  reference::scaled_block(block, transposed, s_row, s_col, B, out, ld);
}

template <int B, class D, class T>
HWY_INLINE void subtract_product_in(D d, const T* left, const T* right, T* out) {
  hn::Vec<D> a[B], sum[B];
  for (int k = 0; k < B; ++k) a[k] = hn::LoadU(d, left + k * B);
  for (int c = 0; c < B; ++c) {
    sum[c] = hn::LoadU(d, out + c * B);
    for (int k = 0; k < B; ++k) sum[c] = hn::NegMulAdd(a[k], hn::Set(d, right[k * B + c]), sum[c]);
  }
  // A store spills into the next column, which is stored next; the last one must not spill.
  for (int c = 0; c + 1 < B; ++c) hn::StoreU(sum[c], d, out + c * B);
  hn::BlendedStore(sum[B - 1], hn::FirstN(d, B), d, out + (B - 1) * B);
}

template <class T>
void subtract_product_here(const T* left, const T* right, int B, T* out) {
  const hn::CappedTag<T, 8> d8;
  const hn::CappedTag<T, 4> d4;
  if constexpr (hn::MaxLanes(d8) == 8) {
    if (B == 6) return subtract_product_in<6>(d8, left, right, out);
  }
  if constexpr (hn::MaxLanes(d4) == 4) {
    if (B == 3) return subtract_product_in<3>(d4, left, right, out);
  }
  reference::subtract_product(left, right, B, out);
}

// HWY_EXPORT takes plain functions.
#define PIPIT_NAMED(T, S)                                                                                  \
  int factor_panel_##S(T* panel, FrontShape shape) { return factor_panel_here(panel, shape); }             \
  void form_update_##S(const T* panel, FrontShape shape, T* update, int begin, int end) {                  \
    form_update_here(panel, shape, update, begin, end);                                                    \
  }                                                                                                        \
  void add_columns_##S(                                                                                    \
      const ChildUpdate<T>& child, int B, int first, int last, T* target, size_t ld, int rows, int cols) { \
    add_columns_here(child, B, first, last, target, ld, rows, cols);                                       \
  }                                                                                                        \
  void scaled_block_f_##S(const float* a, bool t, const T* r, const T* c, int B, T* out, int ld) {         \
    scaled_block_here(a, t, r, c, B, out, ld);                                                             \
  }                                                                                                        \
  void scaled_block_d_##S(const double* a, bool t, const T* r, const T* c, int B, T* out, int ld) {        \
    scaled_block_here(a, t, r, c, B, out, ld);                                                             \
  }                                                                                                        \
  void subtract_product_##S(const T* left, const T* right, int B, T* out) {                                \
    subtract_product_here(left, right, B, out);                                                            \
  }
PIPIT_NAMED(float, f)
PIPIT_NAMED(double, d)
#undef PIPIT_NAMED

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {

#define PIPIT_DEFINE(T, S)                                                                                     \
  HWY_EXPORT(factor_panel_##S);                                                                                \
  HWY_EXPORT(form_update_##S);                                                                                 \
  HWY_EXPORT(add_columns_##S);                                                                                 \
  HWY_EXPORT(scaled_block_f_##S);                                                                              \
  HWY_EXPORT(scaled_block_d_##S);                                                                              \
  HWY_EXPORT(subtract_product_##S);                                                                            \
  template <>                                                                                                  \
  int factor_panel(T* panel, FrontShape shape) {                                                               \
    return HWY_DYNAMIC_DISPATCH(factor_panel_##S)(panel, shape);                                               \
  }                                                                                                            \
  template <>                                                                                                  \
  void form_update(const T* panel, FrontShape shape, T* update, int begin, int end) {                          \
    PIPIT_DCHECK(begin % 6 == 0 && end <= shape.m - shape.w);                                                  \
    HWY_DYNAMIC_DISPATCH(form_update_##S)(panel, shape, update, begin, end);                                   \
  }                                                                                                            \
  template <>                                                                                                  \
  void form_update(const T* panel, FrontShape shape, T* update) {                                              \
    form_update(panel, shape, update, 0, shape.m - shape.w);                                                   \
  }                                                                                                            \
  template <>                                                                                                  \
  void add_to_panel(const ChildUpdate<T>& child, int B, T* panel, FrontShape parent) {                         \
    HWY_DYNAMIC_DISPATCH(add_columns_##S)                                                                      \
    (child, B, 0, reference::columns_in_panel(child, B, parent), panel, parent.ld(), 0, 0);                    \
  }                                                                                                            \
  template <>                                                                                                  \
  void add_to_update(const ChildUpdate<T>& child, int B, T* update, FrontShape parent) {                       \
    HWY_DYNAMIC_DISPATCH(add_columns_##S)                                                                      \
    (child,                                                                                                    \
     B,                                                                                                        \
     reference::columns_in_panel(child, B, parent),                                                            \
     (child.shape.m - child.shape.w) / B,                                                                      \
     update,                                                                                                   \
     parent.update_ld(),                                                                                       \
     parent.w - parent.pad(),                                                                                  \
     parent.w);                                                                                                \
  }                                                                                                            \
  template <>                                                                                                  \
  void scaled_block(const float* a, bool transposed, const T* s_row, const T* s_col, int B, T* out, int ld) {  \
    HWY_DYNAMIC_DISPATCH(scaled_block_f_##S)(a, transposed, s_row, s_col, B, out, ld);                         \
  }                                                                                                            \
  template <>                                                                                                  \
  void scaled_block(const double* a, bool transposed, const T* s_row, const T* s_col, int B, T* out, int ld) { \
    HWY_DYNAMIC_DISPATCH(scaled_block_d_##S)(a, transposed, s_row, s_col, B, out, ld);                         \
  }                                                                                                            \
  template <>                                                                                                  \
  void subtract_product(const T* left, const T* right, int B, T* out) {                                        \
    HWY_DYNAMIC_DISPATCH(subtract_product_##S)(left, right, B, out);                                           \
  }
PIPIT_DEFINE(float, f)
PIPIT_DEFINE(double, d)
#undef PIPIT_DEFINE

}  // namespace pipit
#endif  // HWY_ONCE
