// bits/block_symmetric.h — y = A p with a symmetric block-sparse matrix of which only the lower triangle is stored.
// Source: Higham 2002, sec. 3.5 (bound).   Legend: n block rows and columns, B scalar rows of a block.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "bits/half.h"

namespace pipit {

/// Somebody else's matrix. Blocks of column j are [col_begin[j], col_begin[j+1]): the diagonal block first, rows
/// ascending. A diagonal block is stored whole (both triangles). T in {half, float, double}.
template <class T>
struct BlockSymmetricView {
  int n = 0, B = 0;                         ///< B >= 1; fast for 3 and 6
  const std::int32_t* col_begin = nullptr;  ///< [n + 1]
  const std::int32_t* row = nullptr;        ///< [num_blocks] block row of each block
  const T* values = nullptr;                ///< [num_blocks] blocks, each B x B column-major
};

/// The same blocks by rows, without the diagonal: what lets each row of y be gathered by whoever computes it.
struct BlockRowIndex {
  struct Entry {
    std::int32_t col = 0, block = 0;
  };
  std::vector<std::int32_t> begin;  ///< [n + 1]
  std::vector<Entry> entries;       ///< of row i: columns j < i, ascending
};

/// Cost O(num_blocks). Structure alone: make it once. Needs diagonal first and rows in range (contract).
BlockRowIndex row_index_of(std::span<const std::int32_t> col_begin, std::span<const std::int32_t> row);

/// y_i = sum_j A_ij p_j for the block rows [begin, end); y [n*B] is overwritten there and not touched elsewhere.
/// half: the products and sums are fp32 and p is fp32 (only the matrix is half).
/// |error| <= gamma_{m}(u) * |A| |p| per element, m = (blocks in the row) * B, u of the sums (fp32, or fp64 for
/// double). Deterministic: each row is summed in a fixed order by one thread. Cost: each off-diagonal block is read
/// twice. Needs p.size() == y.size() == n * B, p and y apart (contract: sizes).
void symmetric_times(const BlockSymmetricView<half>& A,
                     const BlockRowIndex& index,
                     std::span<const float> p,
                     std::span<float> y,
                     int begin,
                     int end);
void symmetric_times(const BlockSymmetricView<float>& A,
                     const BlockRowIndex& index,
                     std::span<const float> p,
                     std::span<float> y,
                     int begin,
                     int end);
void symmetric_times(const BlockSymmetricView<double>& A,
                     const BlockRowIndex& index,
                     std::span<const double> p,
                     std::span<double> y,
                     int begin,
                     int end);

/// All rows.
template <class T, class V>
void symmetric_times(const BlockSymmetricView<T>& A, const BlockRowIndex& index, std::span<const V> p, std::span<V> y) {
  symmetric_times(A, index, p, y, 0, A.n);
}

}  // namespace pipit
