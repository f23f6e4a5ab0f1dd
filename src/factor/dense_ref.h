// factor/dense_ref.h — the slow definition of dense.h, for any arithmetic: what the fast kernels are tested against,
// and the factorisation of the naive all-half solver (T = HalfNumber, every operation rounded to half).
#pragma once
#include <cmath>

#include "bits/half_number.h"
#include "factor/dense.h"

namespace pipit::reference {

template <class T>
int factor_panel(T* panel, FrontShape shape) {
  using std::sqrt;
  const std::ptrdiff_t ld = shape.ld();
  for (int c = 0; c < shape.w; ++c) {
    T* column = panel + c * ld;
    for (int k = 0; k < c; ++k) {
      const T* left = panel + k * ld;
      for (int r = c; r < shape.m; ++r) column[r] = mul_add(-left[r], left[c], column[r]);
    }
    const double pivot = static_cast<double>(column[c]);
    if (!(pivot > 0) || !std::isfinite(pivot)) return c;
    const T reciprocal = T(1) / sqrt(column[c]);
    column[c] = reciprocal;
    for (int r = c + 1; r < shape.m; ++r) column[r] = column[r] * reciprocal;
  }
  return -1;
}

template <class T>
void form_update(const T* panel, FrontShape shape, T* update) {
  const std::ptrdiff_t ld = shape.ld(), to = shape.update_ld(), n = shape.m - shape.w;
  for (std::ptrdiff_t c = 0; c < n; ++c)
    for (std::ptrdiff_t r = c / 6 * 6; r < n; ++r) {
      T sum(0);
      for (int k = 0; k < shape.w; ++k) sum = mul_add(-panel[k * ld + shape.w + r], panel[k * ld + shape.w + c], sum);
      update[c * to + shape.pad() + r] = sum;
    }
}

// Adds columns [first, last) (in blocks) of the child where the parent's column `target` starts at column(target).
template <class T, class Column>
void add_columns(const ChildUpdate<T>& child, int B, int first, int last, int row_shift, const Column& column) {
  const std::ptrdiff_t from = child.shape.update_ld(), blocks = (child.shape.m - child.shape.w) / B;
  for (int cb = first; cb < last; ++cb)
    for (int c = 0; c < B; ++c) {
      const T* source = child.update + (static_cast<std::ptrdiff_t>(cb) * B + c) * from + child.shape.pad();
      T* target = column(child.relative[cb] * B + c);
      for (std::ptrdiff_t rb = cb; rb < blocks; ++rb)
        for (int r = 0; r < B; ++r) {
          T& sum = target[child.relative[rb] * B + r - row_shift];
          sum = sum + source[rb * B + r];
        }
    }
}

template <class T>
int columns_in_panel(const ChildUpdate<T>& child, int B, FrontShape parent) {
  const int blocks = (child.shape.m - child.shape.w) / B;
  int k = 0;
  while (k < blocks && child.relative[k] * B < parent.w) ++k;
  return k;
}

template <class T>
void add_to_panel(const ChildUpdate<T>& child, int B, T* panel, FrontShape parent) {
  add_columns(
      child, B, 0, columns_in_panel(child, B, parent), 0, [&](std::ptrdiff_t c) { return panel + c * parent.ld(); });
}

template <class T>
void add_to_update(const ChildUpdate<T>& child, int B, T* update, FrontShape parent) {
  add_columns(child,
              B,
              columns_in_panel(child, B, parent),
              (child.shape.m - child.shape.w) / B,
              parent.w - parent.pad(),
              [&](std::ptrdiff_t c) { return update + (c - parent.w) * parent.update_ld(); });
}

template <class From, class T>
void scaled_block(const From* block, bool transposed, const T* s_row, const T* s_col, int B, T* out, int ld) {
  const auto element = [&](int r, int c) {
    return T(static_cast<double>(transposed ? block[r * B + c] : block[c * B + r]));
  };
  for (int c = 0; c < B; ++c)
    for (int r = 0; r < B; ++r) {
      T sum(0);
      if (s_row == nullptr) {
        sum = element(r, c);
      } else {
        for (int j = 0; j <= c; ++j) {
          T inner(0);
          for (int i = 0; i <= r; ++i) inner = mul_add(s_row[i * B + r], element(i, j), inner);
          sum = mul_add(inner, s_col[j * B + c], sum);
        }
      }
      out[static_cast<std::ptrdiff_t>(c) * ld + r] = sum;
    }
}

template <class T>
void subtract_product(const T* left, const T* right, int B, T* out) {
  for (int c = 0; c < B; ++c)
    for (int k = 0; k < B; ++k)
      for (int r = 0; r < B; ++r) out[c * B + r] = mul_add(-left[k * B + r], right[k * B + c], out[c * B + r]);
}

}  // namespace pipit::reference
