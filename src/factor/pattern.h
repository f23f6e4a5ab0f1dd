// factor/pattern.h — which blocks of a symmetric block matrix exist.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace pipit {

/// Compressed columns of the LOWER triangle of a symmetric n x n matrix of blocks.
///
/// Column j owns the entries [col_begin[j], col_begin[j+1]) of `row`: first j itself (every diagonal block exists),
/// then rows > j, ascending, each once.
struct BlockPattern {
  int n = 0;                               ///< block columns
  std::vector<std::int32_t> col_begin{0};  ///< [n+1]
  std::vector<std::int32_t> row;           ///< [num_blocks]

  int num_blocks() const { return static_cast<int>(row.size()); }

  /// Index of block (max(i,j), min(i,j)), or -1. Needs: i, j in [0, n). Cost: O(log of the column's length).
  int find(int i, int j) const;

  bool operator==(const BlockPattern&) const = default;
};

/// The pattern with all diagonal blocks and one block for each pair {i, j}: any order, either triangle, repeats
/// welcome. Needs: n >= 0, indices in [0, n). Cost: O(n + pairs).
BlockPattern make_pattern(int n, std::span<const std::pair<std::int32_t, std::int32_t>> pairs);

/// A pattern as a graph: neighbours of every block, without itself, in no order.
struct Adjacency {
  std::vector<std::int32_t> begin;  ///< [n+1]
  std::vector<std::int32_t> to;     ///< neighbour
  std::vector<std::int32_t> edge;   ///< block of the pattern that the two share

  explicit Adjacency(const BlockPattern& pattern);
  int degree(int i) const { return begin[i + 1] - begin[i]; }
};

}  // namespace pipit
