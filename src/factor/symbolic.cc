#include "factor/symbolic.h"

#include <algorithm>
#include <numeric>

#include "base/contract.h"

namespace pipit {
namespace {

using Ints = std::vector<std::int32_t>;

struct Lists {
  Ints begin, item;
  std::size_t size() const { return begin.size() - 1; }
};

Ints inverse_of(const Ints& permutation) {
  Ints inverse(permutation.size(), -1);
  for (std::size_t k = 0; k < permutation.size(); ++k) {
    const auto old = permutation[k];
    expects(old >= 0 && old < static_cast<int>(permutation.size()) && inverse[old] < 0, "layout: not a permutation");
    inverse[old] = static_cast<std::int32_t>(k);
  }
  return inverse;
}

// For every new row i, the new columns k < i with a block; or for every column the rows below it. Ascending only in
// bands.
Lists permuted(const BlockPattern& pattern, const Ints& inverse, bool by_row) {
  Lists out{Ints(static_cast<std::size_t>(pattern.n) + 1, 0), {}};
  const auto each = [&](const auto& body) {
    for (int j = 0; j < pattern.n; ++j)
      for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k) {
        const auto [low, high] = std::minmax(inverse[pattern.row[k]], inverse[j]);
        by_row ? body(high, low) : body(low, high);
      }
  };
  each([&](int list, int) { ++out.begin[list + 1]; });
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  out.item.resize(out.begin.back());
  Ints at(out.begin.begin(), out.begin.end() - 1);
  each([&](int list, int item) { out.item[at[list]++] = item; });
  return out;
}

Ints elimination_tree(const Lists& rows) {
  const int n = static_cast<int>(rows.size());
  Ints parent(n, -1), ancestor(n, -1);
  for (int i = 0; i < n; ++i)
    for (int k = rows.begin[i]; k < rows.begin[i + 1]; ++k)
      for (int j = rows.item[k]; j != -1 && j < i;) {
        const int next = ancestor[j];
        ancestor[j] = i;
        if (next == -1) parent[j] = i;
        j = next;
      }
  return parent;
}

// order[k] = the node visited k-th: children (ascending) before their parent.
Ints postorder(const Ints& parent) {
  const int n = static_cast<int>(parent.size());
  Ints child(n, -1), sibling(n, -1), order, stack;
  order.reserve(n);
  for (int j = n - 1; j >= 0; --j)
    if (parent[j] >= 0) sibling[j] = child[parent[j]], child[parent[j]] = j;
  for (int root = 0; root < n; ++root) {
    if (parent[root] >= 0) continue;
    stack.assign(1, root);
    while (!stack.empty()) {
      const int j = stack.back(), c = child[j];
      if (c >= 0) {
        child[j] = sibling[c];
        stack.push_back(c);
      } else {
        order.push_back(j);
        stack.pop_back();
      }
    }
  }
  return order;
}

// Predicted nanoseconds of one panel of `w` block columns and `m` block rows: its factorisation, the addition of its
// update into the parent, and a few solves. Fitted to sparse_bench on one core with AVX-512 (2026-11); only ratios
// matter.
double panel_cost(double w, double m, int B) {
  const double cols = w * B, rows = m * B, below = rows - cols;
  const double flops = cols * (below * below + below * cols + cols * cols / 3);
  const double stored = cols * (rows - cols / 2);
  return 250 + 0.03 * flops + 0.4 * stored + 0.25 * below * below;
}

struct Supernodes {
  Ints of;      // [n] column -> supernode, then merged supernode
  Ints parent;  // merged tree
  Ints label;   // merged supernodes in postorder
};

// Joins a supernode with its parent when panel_cost says so.
void amalgamate(const Ints& first, const Ints& count, Ints& parent, Ints& into, int B) {
  const int size = static_cast<int>(parent.size());
  std::vector<double> w(size), m(size);
  for (int s = 0; s < size; ++s) w[s] = first[s + 1] - first[s], m[s] = count[first[s]];
  into.resize(size);
  std::iota(into.begin(), into.end(), 0);
  Ints child(size, -1), sibling(size, -1), candidates;
  for (int p = 0; p < size; ++p) {  // children come before parents, so each child is final here
    candidates.clear();
    for (int c = child[p]; c >= 0; c = sibling[c]) candidates.push_back(c);
    std::sort(candidates.begin(), candidates.end(), [&](int a, int b) {
      return std::pair(w[a] - m[a], a) < std::pair(w[b] - m[b], b);
    });
    int kept = -1;
    const auto keep = [&](int c) { parent[c] = p, sibling[c] = kept, kept = c; };
    for (const int c : candidates) {
      if (panel_cost(w[c] + w[p], w[c] + m[p], B) < panel_cost(w[c], m[c], B) + panel_cost(w[p], m[p], B)) {
        into[c] = p;
        m[p] += w[c];
        w[p] += w[c];
        for (int g = child[c]; g >= 0;) {
          const int next = sibling[g];
          keep(g);
          g = next;
        }
      } else {
        keep(c);
      }
    }
    child[p] = kept;
    if (parent[p] >= 0) sibling[p] = child[parent[p]], child[parent[p]] = p;
  }
}

// The rows of every panel: those of its columns in the matrix and those handed up by its children.
void find_rows(PanelLayout& layout, const Lists& cols) {
  const int panels = layout.num_panels();
  Ints child(panels, -1), sibling(panels, -1), mark(layout.n, -1), panel_of(layout.n);
  for (int s = 0; s < panels; ++s)
    for (int j = layout.first[s]; j < layout.first[s + 1]; ++j) panel_of[j] = s;
  layout.parent.assign(panels, -1);
  layout.row_begin.assign(1, 0);
  layout.rows.clear();
  for (int s = 0; s < panels; ++s) {
    const std::int32_t end = layout.first[s + 1];
    const auto begin = static_cast<std::ptrdiff_t>(layout.rows.size());
    const auto add = [&](std::int32_t i) {
      if (i >= end && mark[i] != s) mark[i] = s, layout.rows.push_back(i);
    };
    for (int k = cols.begin[layout.first[s]]; k < cols.begin[end]; ++k) add(cols.item[k]);
    for (int c = child[s]; c >= 0; c = sibling[c])
      for (std::int64_t k = layout.row_begin[c]; k < layout.row_begin[c + 1]; ++k) add(layout.rows[k]);
    std::sort(layout.rows.begin() + begin, layout.rows.end());
    layout.row_begin.push_back(static_cast<std::int64_t>(layout.rows.size()));
    if (layout.below(s) > 0) {
      const int p = panel_of[layout.rows[begin]];
      layout.parent[s] = p;
      sibling[s] = child[p];
      child[p] = s;
    }
  }
}

}  // namespace

std::int64_t PanelLayout::num_blocks() const {
  std::int64_t sum = 0;
  for (int s = 0; s < num_panels(); ++s) {
    const std::int64_t w = width(s);
    sum += w * (w + 1) / 2 + w * below(s);
  }
  return sum;
}

double PanelLayout::flops(int B) const {
  double sum = 0;
  for (int s = 0; s < num_panels(); ++s)
    for (int c = 0; c < width(s) * B; ++c) {
      const double m = (width(s) + below(s)) * B - c;
      sum += m * m;
    }
  return sum;
}

double PanelLayout::factor_ns(int B) const {
  double sum = 0;
  for (int s = 0; s < num_panels(); ++s) sum += panel_cost(width(s), width(s) + below(s), B);
  return sum;
}

double PanelLayout::solve_ns(int B) const {
  double stored = 0;
  for (int s = 0; s < num_panels(); ++s) stored += width(s) * B * ((width(s) + below(s)) * B - width(s) * B / 2.0);
  return 120.0 * num_panels() + 0.12 * stored;
}

TreeCut cut_tree(const PanelLayout& layout, int B) {
  TreeCut out;
  const int panels = layout.num_panels();
  std::vector<double> work(panels);
  double total = 0;
  for (int s = 0; s < panels; ++s) {
    const double w = layout.width(s) * B, m = w + layout.below(s) * B;
    work[s] += w * m * m + 1e4;
    total += w * m * m + 1e4;
    if (layout.parent[s] >= 0) work[layout.parent[s]] += work[s];
  }
  // Walk down from the roots; a subtree lighter than 1/12 of everything is not split further.
  constexpr double kWorthThreads = 4e7;
  Ints task_of(panels, -1), heads;
  for (int s = panels - 1; s >= 0; --s) {
    const int p = layout.parent[s];
    const bool above_is_top = p < 0 || task_of[p] < 0;
    if (total < kWorthThreads) {
      task_of[s] = 0;
    } else if (!above_is_top) {
      task_of[s] = task_of[p];
    } else if (work[s] < total / 12) {
      task_of[s] = static_cast<std::int32_t>(heads.size());
      heads.push_back(s);
    }
  }
  // Light neighbours share a task: bins are filled in order of panel.
  Ints bin(std::max<std::size_t>(heads.size(), 1), 0);
  double filled = 0;
  int bins = 0;
  for (std::size_t h = heads.size(); h-- > 0;) {
    if (filled > total / 16) ++bins, filled = 0;
    bin[h] = bins;
    filled += work[heads[h]];
  }
  out.tasks.assign(panels > 0 ? bins + 1 : 0, {});
  for (int s = 0; s < panels; ++s) task_of[s] < 0 ? out.top.push_back(s) : out.tasks[bin[task_of[s]]].push_back(s);
  return out;
}

PanelLayout complete_layout(const BlockPattern& pattern, const Ints& permutation, int B) {
  expects(static_cast<int>(permutation.size()) == pattern.n, "complete_layout: permutation and pattern differ in size");
  const int n = pattern.n;
  PanelLayout out;
  out.n = n;
  // Postorder of the elimination tree: supernodes become contiguous.
  Ints perm = permutation;
  Lists rows = permuted(pattern, inverse_of(perm), true);
  Ints parent(n);
  {
    const Ints tree = elimination_tree(rows), post = postorder(tree), place = inverse_of(post);
    for (int k = 0; k < n; ++k) {
      perm[k] = permutation[post[k]];
      parent[k] = tree[post[k]] < 0 ? -1 : place[tree[post[k]]];
    }
    rows = permuted(pattern, inverse_of(perm), true);
  }
  // Column counts: row i of the factor is the subtree that climbs from its blocks to i.
  Ints count(n, 1), mark(n, -1);
  for (int i = 0; i < n; ++i) {
    mark[i] = i;
    for (int k = rows.begin[i]; k < rows.begin[i + 1]; ++k)
      for (int j = rows.item[k]; mark[j] != i; j = parent[j]) mark[j] = i, ++count[j];
  }
  out.num_nonzero = std::accumulate(count.begin(), count.end(), std::int64_t{0});
  Ints first, node_of(n);
  for (int j = 0; j < n; ++j) {
    if (j == 0 || parent[j - 1] != j || count[j - 1] != count[j] + 1) first.push_back(j);
    node_of[j] = static_cast<std::int32_t>(first.size()) - 1;
  }
  const int nodes = static_cast<int>(first.size());
  first.push_back(n);
  Ints node_parent(nodes, -1), into;
  for (int s = 0; s < nodes; ++s) {
    const int p = parent[first[s + 1] - 1];
    node_parent[s] = p < 0 ? -1 : node_of[p];
  }
  amalgamate(first, count, node_parent, into, B);

  // Merged nodes: the topmost represents; its columns are those of its members, in order; the tree decides the rest.
  for (int s = nodes - 1; s >= 0; --s) into[s] = into[into[s]];
  Ints top, index(nodes, -1);
  for (int s = 0; s < nodes; ++s)
    if (into[s] == s) index[s] = static_cast<std::int32_t>(top.size()), top.push_back(s);
  Ints top_parent(top.size());
  Lists members{Ints(top.size() + 1, 0), Ints(nodes)};
  for (std::size_t t = 0; t < top.size(); ++t)
    top_parent[t] = node_parent[top[t]] < 0 ? -1 : index[into[node_parent[top[t]]]];
  for (int s = 0; s < nodes; ++s) ++members.begin[index[into[s]] + 1];
  std::partial_sum(members.begin.begin(), members.begin.end(), members.begin.begin());
  Ints at(members.begin.begin(), members.begin.end() - 1);
  for (int s = 0; s < nodes; ++s) members.item[at[index[into[s]]]++] = s;
  out.permutation.reserve(n);
  out.first.assign(1, 0);
  for (const int t : postorder(top_parent)) {
    for (int k = members.begin[t]; k < members.begin[t + 1]; ++k)
      for (int j = first[members.item[k]]; j < first[members.item[k] + 1]; ++j) out.permutation.push_back(perm[j]);
    out.first.push_back(static_cast<std::int32_t>(out.permutation.size()));
  }
  find_rows(out, permuted(pattern, inverse_of(out.permutation), false));
  return out;
}

PanelLayout incomplete_layout(const BlockPattern& pattern, const Ints& permutation, int level) {
  expects(static_cast<int>(permutation.size()) == pattern.n,
          "incomplete_layout: permutation and pattern differ in size");
  expects(level >= 0, "incomplete_layout: negative level");
  const int n = pattern.n;
  PanelLayout out;
  out.n = n;
  out.permutation = permutation;
  const Lists cols = permuted(pattern, inverse_of(permutation), false);
  // Column by column. Column k, once final, hands to each of its rows j the pairs (j, i > j) with their levels; it
  // waits in the list of its next row, so that only columns with row j are visited at j.
  std::vector<Ints> level_of(n);
  Ints waiting(n, -1), next(n, -1), cursor(n, 0), best(n, -1), rows;
  for (int j = 0; j < n; ++j) {
    rows.clear();
    const auto offer = [&](std::int32_t i, std::int32_t lev) {
      if (best[i] < 0)
        best[i] = lev, rows.push_back(i);
      else
        best[i] = std::min(best[i], lev);
    };
    for (int k = cols.begin[j]; k < cols.begin[j + 1]; ++k) offer(cols.item[k], 0);
    for (int k = waiting[j]; k >= 0;) {
      const int after = next[k];
      const std::int32_t* below = out.rows.data() + out.row_begin[k];
      const int size = out.below(k), at = cursor[k]++;
      for (int a = at + 1; a < size; ++a) {
        const std::int32_t lev = level_of[k][at] + level_of[k][a] + 1;
        if (lev <= level) offer(below[a], lev);
      }
      if (at + 1 < size) next[k] = waiting[below[at + 1]], waiting[below[at + 1]] = k;
      k = after;
    }
    std::sort(rows.begin(), rows.end());
    for (const auto i : rows) out.rows.push_back(i), level_of[j].push_back(best[i]), best[i] = -1;
    out.first.push_back(j + 1);
    out.row_begin.push_back(static_cast<std::int64_t>(out.rows.size()));
    out.parent.push_back(rows.empty() ? -1 : rows.front());
    if (!rows.empty()) next[j] = waiting[rows.front()], waiting[rows.front()] = j;
  }
  out.num_nonzero = out.num_blocks();
  return out;
}

}  // namespace pipit
