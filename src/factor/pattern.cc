#include "factor/pattern.h"

#include <algorithm>
#include <numeric>

#include "base/contract.h"

namespace pipit {

int BlockPattern::find(int i, int j) const {
  if (i < j) std::swap(i, j);
  expects(j >= 0 && i < n, "BlockPattern::find: index out of range");
  const auto begin = row.begin() + col_begin[j], end = row.begin() + col_begin[j + 1];
  const auto at = std::lower_bound(begin, end, i);
  return at != end && *at == i ? static_cast<int>(at - row.begin()) : -1;
}

BlockPattern make_pattern(int n, std::span<const std::pair<std::int32_t, std::int32_t>> pairs) {
  expects(n >= 0, "make_pattern: negative size");
  // Two stable bucket passes, by row and then by column, leave every column ascending.
  std::vector<std::int32_t> at(static_cast<std::size_t>(n) + 1, 0);
  for (const auto& [i, j] : pairs) {
    expects(std::min(i, j) >= 0 && std::max(i, j) < n, "make_pattern: index out of range");
    ++at[std::max(i, j) + 1];
  }
  for (int k = 0; k < n; ++k) at[k + 1] += at[k];
  std::vector<std::pair<std::int32_t, std::int32_t>> by_row(pairs.size());
  for (const auto& [i, j] : pairs) by_row[at[std::max(i, j)]++] = {std::max(i, j), std::min(i, j)};

  std::vector<std::int32_t> begin(static_cast<std::size_t>(n) + 1, 0);
  for (const auto& [i, j] : by_row) ++begin[j + 1];
  for (int k = 0; k < n; ++k) begin[k + 1] += begin[k];
  std::vector<std::int32_t> rows(pairs.size()), fill(begin.begin(), begin.end() - 1);
  for (const auto& [i, j] : by_row) rows[fill[j]++] = i;

  BlockPattern out;
  out.n = n;
  out.col_begin.assign(1, 0);
  out.col_begin.reserve(static_cast<std::size_t>(n) + 1);
  out.row.reserve(pairs.size() + n);
  for (int j = 0; j < n; ++j) {
    std::int32_t last = j;
    out.row.push_back(j);
    for (int k = begin[j]; k < begin[j + 1]; ++k)
      if (rows[k] != last) out.row.push_back(last = rows[k]);
    out.col_begin.push_back(static_cast<std::int32_t>(out.row.size()));
  }
  return out;
}

Adjacency::Adjacency(const BlockPattern& pattern) : begin(static_cast<std::size_t>(pattern.n) + 1, 0) {
  const auto each = [&](const auto& body) {
    for (int j = 0; j < pattern.n; ++j)
      for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k) body(pattern.row[k], j, k);
  };
  each([&](int i, int j, int) { ++begin[i + 1], ++begin[j + 1]; });
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  to.resize(begin.back());
  edge.resize(begin.back());
  std::vector<std::int32_t> at(begin.begin(), begin.end() - 1);
  each([&](int i, int j, int k) {
    edge[at[i]] = edge[at[j]] = k;
    to[at[i]++] = j, to[at[j]++] = i;
  });
}

}  // namespace pipit
