// bits/gram_ref.h — the slow definition of gram.h.
#pragma once
#include <algorithm>

#include "bits/gram.h"

namespace pipit {

template <class J, class H>
void gram_ref(int B, BlockOrder order, std::span<const GramTerm<J>> terms, H* out, double* g) {
  std::fill_n(out, B * B, H(0));
  if (g != nullptr) std::fill_n(g, B, 0.0);
  for (const GramTerm<J>& term : terms) {
    const auto at = [&](int row, int col) { return order == BlockOrder::Rows ? row * B + col : col * term.R + row; };
    for (int row = 0; row < term.R; ++row)
      for (int i = 0; i < B; ++i) {
        const J a = term.a[at(row, i)];
        for (int j = 0; j < B; ++j) out[j * B + i] += static_cast<H>(a) * static_cast<H>(term.c[at(row, j)]);
        if (g != nullptr && term.r != nullptr) g[i] += static_cast<double>(a) * term.r[row];
      }
  }
}

}  // namespace pipit
