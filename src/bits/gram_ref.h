// bits/gram_ref.h — the slow definition of gram.h.
#pragma once
#include <algorithm>

#include "bits/gram.h"

namespace pipit {

template <class J, class H>
void gram_ref(int B, std::span<const GramTerm<J>> terms, H* out, double* g) {
  std::fill_n(out, B * B, H(0));
  if (g != nullptr) std::fill_n(g, B, 0.0);
  for (const GramTerm<J>& term : terms)
    for (int row = 0; row < term.R; ++row)
      for (int i = 0; i < B; ++i) {
        const J a = term.a[i * term.R + row];
        for (int j = 0; j < B; ++j) out[j * B + i] += static_cast<H>(a) * static_cast<H>(term.c[j * term.R + row]);
        if (g != nullptr && term.r != nullptr) g[i] += static_cast<double>(a) * term.r[row];
      }
}

}  // namespace pipit
