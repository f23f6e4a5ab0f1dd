// bits/block_rows.h — products with a block-sparse Jacobian that is never multiplied out: y = J p and s = J^T q.
// Source: Higham 2002, sec. 3.5 (bounds of matrix-vector products); half operands scaled by a power of two per vector.
// Legend: E block rows, K blocks in each, R scalar rows of a block, B scalar columns; n block columns in all.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "bits/counters.h"
#include "bits/half.h"

namespace pipit {

/// Somebody else's Jacobian. Block (e, k) stands in block column cols[e*K + k]; -1 marks a fixed variable: skipped, its
/// values are not looked at. A block column may appear twice in a row. T in {half, float, double}.
template <class T>
struct BlockRows {
  int num_rows = 0;                    ///< E
  int R = 0, K = 0, B = 0;             ///< R, K, B >= 1; fast for (R, B) = (2, 3), (3, 3), (6, 6)
  const std::int32_t* cols = nullptr;  ///< [E, K]
  const T* values = nullptr;           ///< [E, K] blocks, each R x B column-major, nothing between them

  /// Rows [begin, end) alone: what one thread takes.
  BlockRows rows(int begin, int end) const {
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(begin) * K;
    return {end - begin, R, K, B, cols + first, values + first * R * B};
  }
};

/// Where each block column occurs: entries of column j are [begin[j], begin[j+1]), in increasing (row, slot).
struct BlockIncidence {
  struct Entry {
    std::int32_t row = 0, slot = 0;
  };
  std::vector<std::int32_t> begin;  ///< [n + 1]
  std::vector<Entry> entries;
};

/// Needs every col < num_cols (contract). Cost O(E K + n).
BlockIncidence incidence_of(std::span<const std::int32_t> cols, int K, int num_cols);

/// A vector made ready for half kernels: values[i] = round_to_half(x[i] / scale), kept as floats; scale is the smallest
/// power of two >= max |x|, so the division is exact and nothing overflows. Zero, NaN and infinity: scale 1.
struct HalfOperand {
  std::vector<float> values;
  float scale = 1;
  /// No allocation once the size was seen. The counters (may be null) see the rounding.
  void assign(std::span<const float> x, RangeCounters* counters = nullptr);

 private:
  std::vector<half> rounded_;
};

/// y = J p.   p [n*B], y [E*R], overwritten.   Needs y.size() == E*R, p long enough for every col (contract: whole
/// blocks). |error| <= gamma_{K B}(u) * |J| |p| per element, u of T (of fp32 for half with Accumulate::Single). Each
/// element is summed over k, then over the block's columns, from 0 on: the order is part of the definition where every
/// sum is a half (bits equal block_rows_ref.h on every instruction set). half: y = p.scale * (J p.values) in fp32.
void jacobian_times(const BlockRows<float>& J, std::span<const float> p, std::span<float> y);
void jacobian_times(const BlockRows<double>& J, std::span<const double> p, std::span<double> y);
void jacobian_times(const BlockRows<half>& J, const HalfOperand& p, std::span<float> y, Accumulate accumulate);

/// Block columns [begin, end): one thread's share.
struct ColumnRange {
  int begin = 0, end = 0;
};

/// s = J^T q for the block columns in `range`; s [n*B] is overwritten there and not touched elsewhere.  q [E*R].
/// |error| <= gamma_{m}(u) * |J|^T |q| per element, m = (occurrences of the column) * R.
/// The order: for each scalar row r of a block a partial sum over the occurrences as listed, from 0 on with mul_add;
/// then the partial sums from r = 0 to R - 1. Bits equal the reference where every sum is a half.
void jacobian_transpose_times(const BlockRows<float>& J,
                              const BlockIncidence& incidence,
                              std::span<const float> q,
                              std::span<float> s,
                              ColumnRange range);
void jacobian_transpose_times(const BlockRows<double>& J,
                              const BlockIncidence& incidence,
                              std::span<const double> q,
                              std::span<double> s,
                              ColumnRange range);
void jacobian_transpose_times(const BlockRows<half>& J,
                              const BlockIncidence& incidence,
                              const HalfOperand& q,
                              std::span<float> s,
                              Accumulate accumulate,
                              ColumnRange range);

/// The same for all block columns.
template <class T>
void jacobian_transpose_times(const BlockRows<T>& J,
                              const BlockIncidence& incidence,
                              std::span<const T> q,
                              std::span<T> s) {
  jacobian_transpose_times(J, incidence, q, s, ColumnRange{0, static_cast<int>(incidence.begin.size()) - 1});
}
inline void jacobian_transpose_times(const BlockRows<half>& J,
                                     const BlockIncidence& incidence,
                                     const HalfOperand& q,
                                     std::span<float> s,
                                     Accumulate accumulate) {
  const ColumnRange all{0, static_cast<int>(incidence.begin.size()) - 1};
  jacobian_transpose_times(J, incidence, q, s, accumulate, all);
}

}  // namespace pipit
