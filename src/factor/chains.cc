#include "factor/chains.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pipit {
namespace {

// Scanning longer lists than this would make a hub quadratic; what hangs on one stays.
constexpr int kLongestList = 64;

class Contraction {
 public:
  explicit Contraction(const BlockPattern& pattern) : lists_(pattern.n), gone_(pattern.n, 0), round_(pattern.n, -1) {
    const Adjacency graph(pattern);
    to_ = graph.to, edge_ = graph.edge;
    for (int i = 0; i < pattern.n; ++i) lists_[i] = {graph.begin[i], graph.degree(i), graph.degree(i)};
    out.num_edges = pattern.num_blocks();
    for (int i = 0; i < pattern.n; ++i) note(i);
    // Always what has the fewest ends: a round goes only when nothing simpler is left.
    for (std::int32_t stamp = 0;; ++stamp) {
      while (!leaves_.empty()) {
        const std::int32_t v = leaves_.back();
        leaves_.pop_back();
        if (!gone_[v]) eliminate(v);
      }
      int num_ends = 2;
      while (num_ends <= kMostEnds && waiting_[num_ends].empty()) ++num_ends;
      if (num_ends > kMostEnds) break;
      eliminate_apart(waiting_[num_ends], num_ends, stamp);
    }
    keep_the_rest(pattern);
  }

  Chains out;

 private:
  struct List {
    std::int32_t begin, size, room;
  };
  std::int32_t* list(int i) { return to_.data() + lists_[i].begin; }
  std::int32_t* edges(int i) { return edge_.data() + lists_[i].begin; }
  void note(int i) {
    if (lists_[i].size <= 1)
      leaves_.push_back(i);
    else if (lists_[i].size <= kMostEnds)
      waiting_[lists_[i].size].push_back(i);
  }

  // Of `waiting`, those that still have so many neighbours and do not touch one that went in this round.
  void eliminate_apart(std::vector<std::int32_t>& waiting, int num_ends, std::int32_t stamp) {
    now_.swap(waiting);
    waiting.clear();
    for (const std::int32_t v : now_) {
      if (gone_[v] || lists_[v].size != num_ends) continue;
      if (round_[v] == stamp) {
        waiting.push_back(v);
        continue;
      }
      std::array<std::int32_t, kMostEnds> ends{};
      std::copy_n(list(v), num_ends, ends.begin());
      if (!eliminate(v)) continue;
      for (int k = 0; k < num_ends; ++k) round_[ends[k]] = stamp;
    }
  }

  bool eliminate(std::int32_t v) {
    ChainStep step{.block = v, .num_ends = lists_[v].size};
    std::array<std::pair<std::int32_t, std::int32_t>, kMostEnds> ends{};
    for (int k = 0; k < step.num_ends; ++k) ends[k] = {list(v)[k], edges(v)[k]};
    for (int k = 1; k < step.num_ends; ++k)
      for (int l = k; l > 0 && ends[l - 1] < ends[l]; --l) std::swap(ends[l - 1], ends[l]);
    for (int k = 0; k < step.num_ends; ++k) {
      std::tie(step.end[k], step.edge[k]) = ends[k];
      if (lists_[step.end[k]].size > kLongestList) return false;
    }
    gone_[v] = 1;
    for (int k = 0; k < step.num_ends; ++k) drop(step.end[k], v);
    for (int j = 1; j < step.num_ends; ++j)
      for (int i = 0; i < j; ++i) step.joined[pair_of(i, j)] = join(step.end[i], step.end[j]);
    for (int k = 0; k < step.num_ends; ++k) note(step.end[k]);
    out.steps.push_back(step);
    return true;
  }
  std::int32_t* find(std::int32_t e, std::int32_t v) { return std::find(list(e), list(e) + lists_[e].size, v); }
  void drop(std::int32_t e, std::int32_t v) {
    const auto place = find(e, v) - list(e), last = static_cast<std::ptrdiff_t>(--lists_[e].size);
    list(e)[place] = list(e)[last], edges(e)[place] = edges(e)[last];
  }
  std::int32_t join(std::int32_t a, std::int32_t b) {
    const auto at = find(a, b) - list(a);
    if (at < lists_[a].size) return edges(a)[at];
    append(a, b);
    append(b, a);
    return out.num_edges++;
  }
  void append(std::int32_t e, std::int32_t v) {
    List& l = lists_[e];
    if (l.size == l.room) {  // moves to the end, with more room
      const auto end = static_cast<std::int32_t>(to_.size());
      l.room += 4;
      to_.resize(to_.size() + l.room), edge_.resize(to_.size());
      std::copy_n(to_.begin() + l.begin, l.size, to_.begin() + end);
      std::copy_n(edge_.begin() + l.begin, l.size, edge_.begin() + end);
      l.begin = end;
    }
    list(e)[l.size] = v, edges(e)[l.size] = out.num_edges;
    ++l.size;
  }

  void keep_the_rest(const BlockPattern& pattern) {
    std::vector<std::int32_t> place(pattern.n, -1);
    for (int i = 0; i < pattern.n; ++i)
      if (!gone_[i]) place[i] = static_cast<std::int32_t>(out.kept.size()), out.kept.push_back(i);
    out.rest.n = static_cast<int>(out.kept.size());
    std::vector<std::pair<std::int32_t, std::int32_t>> column;
    for (const std::int32_t i : out.kept) {
      column.assign(1, {place[i], pattern.col_begin[i]});
      for (int k = 0; k < lists_[i].size; ++k)
        if (list(i)[k] > i) column.emplace_back(place[list(i)[k]], edges(i)[k]);
      std::sort(column.begin(), column.end());
      for (const auto& [row, edge] : column) out.rest.row.push_back(row), out.origin.push_back(edge);
      out.rest.col_begin.push_back(static_cast<std::int32_t>(out.rest.row.size()));
    }
  }

  std::vector<List> lists_;
  std::vector<std::int32_t> to_, edge_;
  std::vector<std::int32_t> leaves_, now_;
  std::array<std::vector<std::int32_t>, kMostEnds + 1> waiting_;  // by number of neighbours, when they were noted
  std::vector<char> gone_;
  std::vector<std::int32_t> round_;
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
