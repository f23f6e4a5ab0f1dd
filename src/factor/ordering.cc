#include "factor/ordering.h"

#include <metis.h>

#include <Eigen/OrderingMethods>
#include <Eigen/SparseCore>
#include <algorithm>
#include <numeric>

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

// Blocks with at most two neighbours are eliminated first: each adds no more than the one edge that it took away, so
// the graph shrinks and the factor does not grow. What a robot drives is mostly such chains. Blind alleys go from their
// end; chains in rounds of blocks that do not touch, so that they become shallow trees rather than paths.
class ChainElimination {
 public:
  explicit ChainElimination(const BlockPattern& pattern) : graph_(pattern), degree_(pattern.n), gone_(pattern.n, 0) {
    for (int i = 0; i < pattern.n; ++i) {
      degree_[i] = graph_.degree(i);
      note(i);
    }
    std::vector<std::int32_t> now, round(pattern.n, -1);
    for (std::int32_t stamp = 0; !leaves_.empty() || !links_.empty(); ++stamp) {
      while (!leaves_.empty()) {
        const std::int32_t v = leaves_.back();
        leaves_.pop_back();
        if (!gone_[v]) eliminate(v);
      }
      now.swap(links_);
      links_.clear();
      for (const std::int32_t v : now) {
        if (gone_[v] || degree_[v] != 2) continue;
        if (round[v] == stamp) {  // a neighbour went in this round
          links_.push_back(v);
          continue;
        }
        const std::int32_t ends[2] = {list(v)[0], list(v)[1]};
        if (eliminate(v)) round[ends[0]] = round[ends[1]] = stamp;
      }
    }
    std::vector<std::int32_t> place(pattern.n, -1);
    for (int i = 0; i < pattern.n; ++i)
      if (!gone_[i]) place[i] = static_cast<std::int32_t>(kept.size()), kept.push_back(i);
    for (const std::int32_t i : kept) {
      for (int k = 0; k < degree_[i]; ++k) to.push_back(place[list(i)[k]]);
      begin.push_back(static_cast<idx_t>(to.size()));
    }
  }

  std::vector<std::int32_t> eliminated;  // in order
  std::vector<std::int32_t> kept;        // ascending
  std::vector<idx_t> begin{0}, to;       // neighbours of the kept ones, numbered by their place in `kept`

 private:
  // Scanning longer lists than this would make a hub quadratic; what hangs on one stays.
  static constexpr int kLongestList = 64;

  std::int32_t* list(int i) { return graph_.to.data() + graph_.begin[i]; }
  void note(int i) {
    if (degree_[i] <= 1) leaves_.push_back(i);
    if (degree_[i] == 2) links_.push_back(i);
  }
  bool eliminate(std::int32_t v) {
    const std::int32_t ends[2] = {degree_[v] > 0 ? list(v)[0] : -1, degree_[v] > 1 ? list(v)[1] : -1};
    for (const std::int32_t e : ends)
      if (e >= 0 && degree_[e] > kLongestList) return false;
    gone_[v] = 1;
    eliminated.push_back(v);
    for (int k = 0; k < 2; ++k) {
      const std::int32_t e = ends[k], other = ends[1 - k];
      if (e < 0) continue;
      std::int32_t *const first = list(e), *const last = first + degree_[e], *const place = std::find(first, last, v);
      if (other >= 0 && std::find(first, last, other) == last) {
        *place = other;
      } else {
        *place = *(last - 1);
        --degree_[e];
        note(e);
      }
    }
    return true;
  }

  Adjacency graph_;
  std::vector<std::int32_t> degree_, leaves_, links_;
  std::vector<char> gone_;
};

std::vector<std::int32_t> amd(const BlockPattern& pattern) {
  // Where few blocks go that way, looking for them costs more than it saves.
  std::vector<std::int32_t> degree(pattern.n, 0);
  for (int j = 0; j < pattern.n; ++j)
    for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k) ++degree[j], ++degree[pattern.row[k]];
  if (8 * std::count_if(degree.begin(), degree.end(), [](int d) { return d <= 2; }) < pattern.n)
    return library_amd(pattern);
  ChainElimination reduced(pattern);
  std::vector<std::int32_t> order = std::move(reduced.eliminated);
  if (reduced.kept.empty()) return order;
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  for (std::size_t i = 0; i < reduced.kept.size(); ++i)
    for (idx_t k = reduced.begin[i]; k < reduced.begin[i + 1]; ++k)
      if (reduced.to[k] < static_cast<idx_t>(i)) pairs.emplace_back(static_cast<std::int32_t>(i), reduced.to[k]);
  for (const std::int32_t i : library_amd(make_pattern(static_cast<int>(reduced.kept.size()), pairs)))
    order.push_back(reduced.kept[i]);
  return order;
}

bool dissect(idx_t n, std::vector<idx_t>& begin, std::vector<idx_t>& to, std::vector<idx_t>& permutation) {
  idx_t options[METIS_NOPTIONS];
  METIS_SetDefaultOptions(options);
  options[METIS_OPTION_SEED] = 1;
  options[METIS_OPTION_NUMBERING] = 0;
  permutation.resize(n);
  std::vector<idx_t> inverse(n);
  return METIS_NodeND(&n, begin.data(), to.data(), nullptr, options, permutation.data(), inverse.data()) == METIS_OK;
}

std::vector<std::int32_t> nested_dissection(const BlockPattern& pattern) {
  std::vector<idx_t> permutation;
  ChainElimination reduced(pattern);
  // A mesh has no chains: then the whole is dissected as it is.
  if (reduced.kept.size() > 0.9 * pattern.n) {
    const Adjacency whole(pattern);
    std::vector<idx_t> begin(whole.begin.begin(), whole.begin.end()), to(whole.to.begin(), whole.to.end());
    if (to.empty() || !dissect(pattern.n, begin, to, permutation)) return amd(pattern);
    return {permutation.begin(), permutation.end()};
  }
  std::vector<std::int32_t> order = std::move(reduced.eliminated);
  if (reduced.kept.empty()) return order;
  if (!dissect(static_cast<idx_t>(reduced.kept.size()), reduced.begin, reduced.to, permutation)) return amd(pattern);
  for (const idx_t k : permutation) order.push_back(reduced.kept[k]);
  return order;
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
