#include "factor/ordering.h"

#include <metis.h>

#include <Eigen/OrderingMethods>
#include <Eigen/SparseCore>
#include <algorithm>
#include <numeric>

#include "factor/chains.h"

namespace pipit {
namespace {

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

bool dissect(const BlockPattern& pattern, std::vector<std::int32_t>& permutation) {
  const Adjacency graph(pattern);
  if (graph.to.empty()) return false;
  idx_t options[METIS_NOPTIONS], n = pattern.n;
  METIS_SetDefaultOptions(options);
  options[METIS_OPTION_SEED] = 1;
  options[METIS_OPTION_NUMBERING] = 0;
  std::vector<idx_t> begin(graph.begin.begin(), graph.begin.end()), to(graph.to.begin(), graph.to.end());
  std::vector<idx_t> found(pattern.n), inverse(pattern.n);
  if (METIS_NodeND(&n, begin.data(), to.data(), nullptr, options, found.data(), inverse.data()) != METIS_OK)
    return false;
  permutation.assign(found.begin(), found.end());
  return true;
}

std::vector<std::int32_t> dissection(const BlockPattern& pattern) {
  std::vector<std::int32_t> permutation;
  return dissect(pattern, permutation) ? permutation : library_amd(pattern);
}

// Chains first, the rest as the caller says.
template <class Order>
std::vector<std::int32_t> chains_first(const BlockPattern& pattern, const Order& order) {
  if (!has_chains(pattern)) return order(pattern);
  const Chains chains = contract_chains(pattern);
  std::vector<std::int32_t> out;
  out.reserve(pattern.n);
  for (const ChainStep& step : chains.steps) out.push_back(step.block);
  if (!chains.kept.empty())
    for (const std::int32_t k : order(chains.rest)) out.push_back(chains.kept[k]);
  return out;
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
    if (kind == OrderingKind::Amd) return chains_first(pattern, library_amd);
    if (kind == OrderingKind::NestedDissection) return chains_first(pattern, dissection);
    if (kind == OrderingKind::ReverseCuthillMcKee) return reverse_cuthill_mckee(pattern);
  }
  std::vector<std::int32_t> identity(pattern.n);
  std::iota(identity.begin(), identity.end(), 0);
  return identity;
}

}  // namespace pipit
