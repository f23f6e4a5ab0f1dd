// bits/block_rows_ref.h — the slow definition of the block-sparse Jacobian products, for any arithmetic N.
#pragma once
#include <vector>

#include "bits/block_rows.h"
#include "bits/half_number.h"

namespace pipit {

/// y = J p. Order of each sum: k, then the block's columns.
template <class N, class T>
void jacobian_times_ref(const BlockRows<T>& J, const N* p, N* y) {
  const auto R = static_cast<std::ptrdiff_t>(J.R), K = static_cast<std::ptrdiff_t>(J.K);
  const auto B = static_cast<std::ptrdiff_t>(J.B);
  for (std::ptrdiff_t e = 0; e < J.num_rows; ++e)
    for (std::ptrdiff_t r = 0; r < R; ++r) {
      N sum(0);
      for (std::ptrdiff_t k = 0; k < K; ++k) {
        const std::ptrdiff_t col = J.cols[e * K + k];
        if (col < 0) continue;
        const T* block = J.values + (e * K + k) * R * B;
        for (std::ptrdiff_t b = 0; b < B; ++b) sum = mul_add(number_from<N>(block[r + R * b]), p[col * B + b], sum);
      }
      y[e * R + r] = sum;
    }
}

/// s = J^T q for block columns [begin, end). Order of each sum: one partial sum per row of a block over the occurrences
/// as listed, then the partial sums in order.
template <class N, class T>
void jacobian_transpose_times_ref(
    const BlockRows<T>& J, const BlockIncidence& incidence, const N* q, N* s, int begin, int end) {
  const auto R = static_cast<std::ptrdiff_t>(J.R), K = static_cast<std::ptrdiff_t>(J.K);
  const auto B = static_cast<std::ptrdiff_t>(J.B);
  for (std::ptrdiff_t j = begin; j < end; ++j)
    for (std::ptrdiff_t b = 0; b < B; ++b) {
      N total(0);
      for (std::ptrdiff_t r = 0; r < R; ++r) {
        N part(0);
        for (std::int32_t at = incidence.begin[j]; at < incidence.begin[j + 1]; ++at) {
          const auto [row, slot] = incidence.entries[at];
          const T* block = J.values + (row * K + slot) * R * B;
          part = mul_add(number_from<N>(block[r + R * b]), q[row * R + r], part);
        }
        total = r == 0 ? part : total + part;
      }
      s[j * B + b] = total;
    }
}

}  // namespace pipit
