#include "bits/block_symmetric.h"

#include <algorithm>

#include "base/contract.h"
#include "bits/block_symmetric_ref.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bits/block_symmetric.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "bits/block_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

template <int B, class T, class V>
HWY_INLINE void symmetric_rows(const BlockSymmetricView<T>& A,
                               const BlockRowIndex& index,
                               const V* p,
                               V* y,
                               std::int32_t begin,
                               std::int32_t end) {
  using Lanes = ColumnLanes<B, V>;
  // The last block and the last piece of p have nothing behind them: padded copies.
  T last_block[B * B + Lanes::kPadded] = {};
  V last_p[B + Lanes::kPadded] = {};
  const std::ptrdiff_t last = A.col_begin[A.n] - 1;
  std::copy_n(A.values + last * B * B, B * B, last_block);
  std::copy_n(p + static_cast<std::ptrdiff_t>(A.n - 1) * B, B, last_p);

  for (std::int32_t i = begin; i < end; ++i) {
    typename Lanes::Sum sum;
    sum.clear();
    for (std::int32_t at = index.begin[i]; at < index.begin[i + 1]; ++at) {
      const auto [col, block] = index.entries[at];
      const T* values = block == last ? last_block : A.values + static_cast<std::ptrdiff_t>(block) * B * B;
      const V* x = p + static_cast<std::ptrdiff_t>(col) * B;
      for (int b = 0; b < B; ++b) sum.template add_scaled<Accumulate::Single>(values + b * B, x[b]);
    }
    std::ptrdiff_t block = A.col_begin[i];
    {
      const T* values = block == last ? last_block : A.values + block * B * B;
      const V* x = p + static_cast<std::ptrdiff_t>(i) * B;
      for (int b = 0; b < B; ++b) sum.template add_scaled<Accumulate::Single>(values + b * B, x[b]);
    }
    V row[Lanes::kPadded];
    sum.store(row);
    if (++block < A.col_begin[i + 1]) {
      typename Lanes::Sum transposed[B];
      for (int b = 0; b < B; ++b) transposed[b].clear();
      for (; block < A.col_begin[i + 1]; ++block) {
        const T* values = block == last ? last_block : A.values + block * B * B;
        typename Lanes::Sum x;
        x.load(A.row[block] == A.n - 1 ? last_p : p + static_cast<std::ptrdiff_t>(A.row[block]) * B);
        for (int b = 0; b < B; ++b) transposed[b].template add_product<Accumulate::Single>(values + b * B, x);
      }
      for (int b = 0; b < B; ++b) {
        V lanes[Lanes::kPadded];
        transposed[b].store(lanes);
        V total = lanes[0];
        for (int r = 1; r < B; ++r) total += lanes[r];
        row[b] += total;
      }
    }
    for (int b = 0; b < B; ++b) y[static_cast<std::ptrdiff_t>(i) * B + b] = row[b];
  }
}

template <class T, class V>
HWY_INLINE void symmetric_any(const BlockSymmetricView<T>& A,
                              const BlockRowIndex& index,
                              const V* p,
                              V* y,
                              std::int32_t begin,
                              std::int32_t end) {
#if HWY_TARGET != HWY_SCALAR  // with one lane the definition is as good
  if (A.B == 6) return symmetric_rows<6>(A, index, p, y, begin, end);
  if (A.B == 3) return symmetric_rows<3>(A, index, p, y, begin, end);
#endif
  symmetric_times_ref(A, index, p, y, begin, end);
}

void symmetric_half(const BlockSymmetricView<half>& A,
                    const BlockRowIndex& index,
                    const float* p,
                    float* y,
                    std::int32_t begin,
                    std::int32_t end) {
  symmetric_any(A, index, p, y, begin, end);
}
void symmetric_float(const BlockSymmetricView<float>& A,
                     const BlockRowIndex& index,
                     const float* p,
                     float* y,
                     std::int32_t begin,
                     std::int32_t end) {
  symmetric_any(A, index, p, y, begin, end);
}
void symmetric_double(const BlockSymmetricView<double>& A,
                      const BlockRowIndex& index,
                      const double* p,
                      double* y,
                      std::int32_t begin,
                      std::int32_t end) {
  symmetric_any(A, index, p, y, begin, end);
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(symmetric_half);
HWY_EXPORT(symmetric_float);
HWY_EXPORT(symmetric_double);

template <class T, class V>
bool nothing_to_do(const BlockSymmetricView<T>& A,
                   const BlockRowIndex& index,
                   std::span<const V> p,
                   std::span<V> y,
                   int begin,
                   int end) {
  const auto size = static_cast<std::size_t>(A.n) * static_cast<std::size_t>(A.B);
  expects(p.size() == size && y.size() == size, "symmetric_times: p or y is not n * B long");
  expects(index.begin.size() == static_cast<std::size_t>(A.n) + 1, "symmetric_times: the index is not this matrix's");
  expects(0 <= begin && begin <= end && end <= A.n, "symmetric_times: rows out of range");
  return begin == end;
}

}  // namespace

BlockRowIndex row_index_of(std::span<const std::int32_t> col_begin, std::span<const std::int32_t> row) {
  expects(!col_begin.empty() && static_cast<std::size_t>(col_begin.back()) == row.size(),
          "row_index_of: col_begin does not end at the number of blocks");
  const auto n = static_cast<std::int32_t>(col_begin.size()) - 1;
  BlockRowIndex index;
  index.begin.assign(col_begin.size() + 1, 0);  // one behind while filling
  for (std::int32_t j = 0; j < n; ++j) {
    expects(col_begin[j] < col_begin[j + 1] && row[col_begin[j]] == j, "row_index_of: diagonal block is not the first");
    for (std::int32_t block = col_begin[j] + 1; block < col_begin[j + 1]; ++block) {
      expects(row[block] > row[block - 1] && row[block] < n, "row_index_of: rows not ascending or out of range");
      ++index.begin[row[block] + 2];
    }
  }
  for (std::int32_t i = 0; i < n; ++i) index.begin[i + 2] += index.begin[i + 1];
  index.entries.resize(row.size() - static_cast<std::size_t>(n));
  for (std::int32_t j = 0; j < n; ++j)
    for (std::int32_t block = col_begin[j] + 1; block < col_begin[j + 1]; ++block)
      index.entries[index.begin[row[block] + 1]++] = {j, block};
  index.begin.pop_back();
  return index;
}

void symmetric_times(const BlockSymmetricView<half>& A,
                     const BlockRowIndex& index,
                     std::span<const float> p,
                     std::span<float> y,
                     int begin,
                     int end) {
  if (nothing_to_do(A, index, p, y, begin, end)) return;
  HWY_DYNAMIC_DISPATCH(symmetric_half)(A, index, p.data(), y.data(), begin, end);
}
void symmetric_times(const BlockSymmetricView<float>& A,
                     const BlockRowIndex& index,
                     std::span<const float> p,
                     std::span<float> y,
                     int begin,
                     int end) {
  if (nothing_to_do(A, index, p, y, begin, end)) return;
  HWY_DYNAMIC_DISPATCH(symmetric_float)(A, index, p.data(), y.data(), begin, end);
}
void symmetric_times(const BlockSymmetricView<double>& A,
                     const BlockRowIndex& index,
                     std::span<const double> p,
                     std::span<double> y,
                     int begin,
                     int end) {
  if (nothing_to_do(A, index, p, y, begin, end)) return;
  HWY_DYNAMIC_DISPATCH(symmetric_double)(A, index, p.data(), y.data(), begin, end);
}

}  // namespace pipit
#endif
