#include "factor/chains.h"

#include <algorithm>

namespace pipit {
namespace {

// Scanning longer lists than this would make a hub quadratic; what hangs on one stays.
constexpr int kLongestList = 64;

class Contraction {
 public:
  explicit Contraction(const BlockPattern& pattern) : graph_(pattern), degree_(pattern.n), gone_(pattern.n, 0) {
    out.num_edges = pattern.num_blocks();
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
    keep_the_rest(pattern);
  }

  Chains out;

 private:
  std::int32_t* list(int i) { return graph_.to.data() + graph_.begin[i]; }
  std::int32_t* edges(int i) { return graph_.edge.data() + graph_.begin[i]; }
  void note(int i) {
    if (degree_[i] <= 1) leaves_.push_back(i);
    if (degree_[i] == 2) links_.push_back(i);
  }

  bool eliminate(std::int32_t v) {
    ChainStep step{.block = v};
    for (int k = 0; k < degree_[v]; ++k) step.end[k] = list(v)[k], step.edge[k] = edges(v)[k];
    for (const std::int32_t e : step.end)
      if (e >= 0 && degree_[e] > kLongestList) return false;
    if (step.end[0] < step.end[1]) std::swap(step.end[0], step.end[1]), std::swap(step.edge[0], step.edge[1]);
    gone_[v] = 1;
    if (step.end[1] >= 0) {
      const std::int32_t a = step.end[0], b = step.end[1];
      const std::int32_t at = find(a, b);
      const bool fresh = at == degree_[a];
      step.joined = fresh ? out.num_edges++ : edges(a)[at];
      for (int k = 0; k < 2; ++k) {
        const std::int32_t e = step.end[k], place = find(e, v);
        if (fresh)
          list(e)[place] = step.end[1 - k], edges(e)[place] = step.joined;
        else
          drop(e, place);
      }
    } else if (step.end[0] >= 0) {
      drop(step.end[0], find(step.end[0], v));
    }
    out.steps.push_back(step);
    return true;
  }
  std::int32_t find(std::int32_t e, std::int32_t v) {
    return static_cast<std::int32_t>(std::find(list(e), list(e) + degree_[e], v) - list(e));
  }
  void drop(std::int32_t e, std::int32_t place) {
    const std::int32_t last = --degree_[e];
    list(e)[place] = list(e)[last], edges(e)[place] = edges(e)[last];
    note(e);
  }

  void keep_the_rest(const BlockPattern& pattern) {
    std::vector<std::int32_t> place(pattern.n, -1);
    for (int i = 0; i < pattern.n; ++i)
      if (!gone_[i]) place[i] = static_cast<std::int32_t>(out.kept.size()), out.kept.push_back(i);
    out.rest.n = static_cast<int>(out.kept.size());
    std::vector<std::pair<std::int32_t, std::int32_t>> column;
    for (const std::int32_t i : out.kept) {
      column.assign(1, {place[i], pattern.col_begin[i]});
      for (int k = 0; k < degree_[i]; ++k)
        if (list(i)[k] > i) column.emplace_back(place[list(i)[k]], edges(i)[k]);
      std::sort(column.begin(), column.end());
      for (const auto& [row, edge] : column) out.rest.row.push_back(row), out.origin.push_back(edge);
      out.rest.col_begin.push_back(static_cast<std::int32_t>(out.rest.row.size()));
    }
  }

  Adjacency graph_;
  std::vector<std::int32_t> degree_, leaves_, links_;
  std::vector<char> gone_;
};

}  // namespace

Chains contract_chains(const BlockPattern& pattern) { return std::move(Contraction(pattern).out); }

bool has_chains(const BlockPattern& pattern) {
  std::vector<std::int32_t> degree(pattern.n, 0);
  for (int j = 0; j < pattern.n; ++j)
    for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k) ++degree[j], ++degree[pattern.row[k]];
  return 8 * std::count_if(degree.begin(), degree.end(), [](int d) { return d <= 2; }) >= pattern.n;
}

}  // namespace pipit
