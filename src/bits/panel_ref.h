// bits/panel_ref.h — the slow definition of the panel solves, for any arithmetic N (float, double, HalfNumber).
#pragma once
#include "bits/half_number.h"

namespace pipit {

/// The order is part of the definition where N is a HalfNumber: column after column; a product is taken off with
/// mul_add(-l, x, y), and x is multiplied by the stored reciprocal.
template <class N, class S>
void panel_forward_ref(const S* panel, int m, int w, int ld, N* x, N* below) {
  for (int c = 0; c < w; ++c) {
    const S* column = panel + static_cast<std::ptrdiff_t>(c) * ld;
    x[c] = x[c] * number_from<N>(column[c]);
    for (int r = c + 1; r < w; ++r) x[r] = mul_add(-number_from<N>(column[r]), x[c], x[r]);
    for (int r = w; r < m; ++r) below[r - w] = mul_add(-number_from<N>(column[r]), x[c], below[r - w]);
  }
}

/// Column after column from the last; each takes off below[0], below[1], .. and then x[w-1], .., x[c+1].
template <class N, class S>
void panel_backward_ref(const S* panel, int m, int w, int ld, N* x, const N* below) {
  for (int c = w - 1; c >= 0; --c) {
    const S* column = panel + static_cast<std::ptrdiff_t>(c) * ld;
    for (int r = w; r < m; ++r) x[c] = mul_add(-number_from<N>(column[r]), below[r - w], x[c]);
    for (int r = w - 1; r > c; --r) x[c] = mul_add(-number_from<N>(column[r]), x[r], x[c]);
    x[c] = x[c] * number_from<N>(column[c]);
  }
}

}  // namespace pipit
