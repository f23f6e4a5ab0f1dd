#include "sparse/ordering.h"

#include <metis.h>

#include <Eigen/OrderingMethods>
#include <Eigen/SparseCore>
#include <algorithm>
#include <numeric>
#include <span>

namespace pipit {
namespace {

// Neighbours of every block, without itself.
struct Adjacency {
  std::vector<std::int32_t> begin, to;
  explicit Adjacency(const BlockPattern& pattern) : begin(static_cast<std::size_t>(pattern.n) + 1, 0) {
    const auto each = [&](const auto& body) {
      for (int j = 0; j < pattern.n; ++j)
        for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k) body(pattern.row[k], j);
    };
    each([&](int i, int j) { ++begin[i + 1], ++begin[j + 1]; });
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    to.resize(begin.back());
    std::vector<std::int32_t> at(begin.begin(), begin.end() - 1);
    each([&](int i, int j) { to[at[i]++] = j, to[at[j]++] = i; });
  }
  int degree(int i) const { return begin[i + 1] - begin[i]; }
};

// Blocks with at most two neighbours, and those that come to have no more when they go: odometry chains, which make up
// most of a robot's graph. Eliminating one ties its two neighbours together; no other order of it costs less. Appends
// them to `order` and leaves what remains, tied as it then is: `kept` names its blocks.
BlockPattern contract_chains(const BlockPattern& pattern,
                             std::vector<std::int32_t>& order,
                             std::vector<std::int32_t>& kept) {
  const Adjacency graph(pattern);
  const int n = pattern.n;
  // Neighbours in place: a tie that ends at an eliminated block is turned to its other neighbour.
  std::vector<std::int32_t> to = graph.to, degree(n), waiting;
  const auto neighbours = [&](int i) {
    return std::span(to.data() + graph.begin[i], static_cast<std::size_t>(degree[i]));
  };
  for (int i = 0; i < n; ++i) degree[i] = graph.degree(i);
  std::vector<char> gone(n, 0);
  const auto drop = [&](int i, std::int32_t neighbour) {
    const auto all = neighbours(i);
    *std::find(all.begin(), all.end(), neighbour) = all.back();
    --degree[i];
  };
  for (int i = 0; i < n; ++i) waiting.push_back(i);
  for (std::size_t head = 0; head < waiting.size(); ++head) {
    const std::int32_t i = waiting[head];
    if (gone[i] || degree[i] > 2) continue;
    gone[i] = 1;
    order.push_back(i);
    if (degree[i] == 0) continue;
    const std::int32_t a = neighbours(i)[0], b = neighbours(i).back();
    const auto of_a = neighbours(a);
    if (a == b || std::find(of_a.begin(), of_a.end(), b) != of_a.end()) {
      drop(a, i);
      if (a != b) drop(b, i);
      if (degree[a] <= 2) waiting.push_back(a);
      if (degree[b] <= 2) waiting.push_back(b);
    } else {
      *std::find(of_a.begin(), of_a.end(), i) = b;
      const auto of_b = neighbours(b);
      *std::find(of_b.begin(), of_b.end(), i) = a;
    }
  }
  std::vector<std::int32_t> place(n, -1);
  for (int i = 0; i < n; ++i)
    if (!gone[i]) place[i] = static_cast<std::int32_t>(kept.size()), kept.push_back(i);
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  for (const std::int32_t i : kept)
    for (const std::int32_t j : neighbours(i))
      if (j < i) pairs.emplace_back(place[i], place[j]);
  return make_pattern(static_cast<int>(kept.size()), pairs);
}

std::vector<std::int32_t> library_amd(const BlockPattern& pattern) {
  // The library orders a matrix; values do not matter, but a missing diagonal entry would.
  const int n = pattern.n;
  using Matrix = Eigen::SparseMatrix<float, Eigen::ColMajor, int>;
  const std::vector<float> ones(pattern.row.size(), 1.0F);
  const Eigen::Map<const Matrix> lower(
      n, n, pattern.num_blocks(), pattern.col_begin.data(), pattern.row.data(), ones.data());
  Eigen::PermutationMatrix<Eigen::Dynamic, Eigen::Dynamic, int> permutation;
  Eigen::AMDOrdering<int>()(lower.selfadjointView<Eigen::Lower>(), permutation);
  return {permutation.indices().data(), permutation.indices().data() + n};
}

std::vector<std::int32_t> amd(const BlockPattern& pattern) {
  // Where few blocks go that way, looking for them costs more than it saves.
  std::vector<std::int32_t> degree(pattern.n, 0);
  for (int j = 0; j < pattern.n; ++j)
    for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k) ++degree[j], ++degree[pattern.row[k]];
  if (8 * std::count_if(degree.begin(), degree.end(), [](int d) { return d <= 2; }) < pattern.n)
    return library_amd(pattern);
  std::vector<std::int32_t> out, kept;
  out.reserve(pattern.n);
  const BlockPattern rest = contract_chains(pattern, out, kept);
  if (!kept.empty())
    for (const std::int32_t i : library_amd(rest)) out.push_back(kept[i]);
  return out;
}

std::vector<std::int32_t> nested_dissection(const BlockPattern& pattern) {
  const Adjacency graph(pattern);
  std::vector<idx_t> begin(graph.begin.begin(), graph.begin.end()), to(graph.to.begin(), graph.to.end());
  std::vector<idx_t> permutation(pattern.n), inverse(pattern.n);
  idx_t n = pattern.n, options[METIS_NOPTIONS];
  METIS_SetDefaultOptions(options);
  options[METIS_OPTION_SEED] = 1;
  options[METIS_OPTION_NUMBERING] = 0;
  if (to.empty() ||
      METIS_NodeND(&n, begin.data(), to.data(), nullptr, options, permutation.data(), inverse.data()) != METIS_OK)
    return amd(pattern);
  return {permutation.begin(), permutation.end()};
}

// Breadth first from a block of least degree at the far end of its component, reversed.
std::vector<std::int32_t> reverse_cuthill_mckee(const BlockPattern& pattern) {
  const Adjacency graph(pattern);
  const int n = pattern.n;
  std::vector<std::int32_t> out, seen(n, -1);
  out.reserve(n);
  std::int32_t stamp = 0;
  const auto sweep = [&](std::int32_t root, std::vector<std::int32_t>& visited) {
    ++stamp;
    visited.assign(1, root);
    seen[root] = stamp;
    for (std::size_t head = 0; head < visited.size(); ++head) {
      const std::size_t first = visited.size();
      for (int k = graph.begin[visited[head]]; k < graph.begin[visited[head] + 1]; ++k)
        if (seen[graph.to[k]] != stamp) seen[graph.to[k]] = stamp, visited.push_back(graph.to[k]);
      std::sort(visited.begin() + static_cast<std::ptrdiff_t>(first), visited.end(), [&](int a, int b) {
        return std::pair(graph.degree(a), a) < std::pair(graph.degree(b), b);
      });
    }
  };
  std::vector<char> done(n, 0);
  std::vector<std::int32_t> visited;
  for (int i = 0; i < n; ++i) {
    if (done[i]) continue;
    std::int32_t root = i;
    for (int pass = 0; pass < 2; ++pass) sweep(root, visited), root = visited.back();
    sweep(root, visited);
    for (const std::int32_t v : visited) done[v] = 1, out.push_back(v);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

std::string_view name(OrderingKind kind) {
  switch (kind) {
    case OrderingKind::Natural:
      return "natural";
    case OrderingKind::Amd:
      return "AMD";
    case OrderingKind::NestedDissection:
      return "nested dissection";
    case OrderingKind::ReverseCuthillMcKee:
      return "reverse Cuthill-McKee";
  }
  return "?";
}

std::vector<std::int32_t> order(const BlockPattern& pattern, OrderingKind kind) {
  if (pattern.n > 2) {
    if (kind == OrderingKind::Amd) return amd(pattern);
    if (kind == OrderingKind::NestedDissection) return nested_dissection(pattern);
    if (kind == OrderingKind::ReverseCuthillMcKee) return reverse_cuthill_mckee(pattern);
  }
  std::vector<std::int32_t> identity(pattern.n);
  std::iota(identity.begin(), identity.end(), 0);
  return identity;
}

}  // namespace pipit
