// bits/block_symmetric_ref.h — the slow definition of the symmetric product, for any arithmetic N.
#pragma once
#include "bits/block_symmetric.h"
#include "bits/half_number.h"

namespace pipit {

/// y_i for block rows [begin, end): blocks left of the diagonal, the diagonal, blocks below it transposed; each from
/// its first column (row) to its last.
template <class N, class T>
void symmetric_times_ref(
    const BlockSymmetricView<T>& A, const BlockRowIndex& index, const N* p, N* y, int begin, int end) {
  const auto B = static_cast<std::ptrdiff_t>(A.B);
  for (std::ptrdiff_t i = begin; i < end; ++i)
    for (std::ptrdiff_t r = 0; r < B; ++r) {
      N sum(0);
      for (std::int32_t at = index.begin[i]; at < index.begin[i + 1]; ++at) {
        const auto [col, block] = index.entries[at];
        const T* values = A.values + block * B * B;
        for (std::ptrdiff_t b = 0; b < B; ++b) sum = mul_add(number_from<N>(values[r + B * b]), p[col * B + b], sum);
      }
      for (std::ptrdiff_t block = A.col_begin[i]; block < A.col_begin[i + 1]; ++block) {
        const T* values = A.values + block * B * B;
        const bool diagonal = block == A.col_begin[i];
        for (std::ptrdiff_t b = 0; b < B; ++b) {
          const T value = diagonal ? values[r + B * b] : values[b + B * r];
          sum = mul_add(number_from<N>(value), p[A.row[block] * B + b], sum);
        }
      }
      y[i * B + r] = sum;
    }
}

}  // namespace pipit
