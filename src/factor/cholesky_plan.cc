#include <algorithm>
#include <numeric>

#include "factor/cholesky.h"

namespace pipit {
namespace {

// Two stacks by parity of depth: a panel's update goes on one while those of its children, on the other, are given
// back.
void place_updates(CholeskyPlan& plan, const std::vector<std::int32_t>& parent) {
  const int panels = static_cast<int>(parent.size());
  std::vector<std::uint8_t> odd(panels, 0);
  for (int s = panels - 1; s >= 0; --s) odd[s] = parent[s] >= 0 ? 1 - odd[parent[s]] : 0;
  plan.update_at.assign(panels, 0);
  plan.workspace = 0;
  std::vector<std::int32_t> stage(panels, -1);
  const auto place = [&](const std::vector<std::int32_t>& members, int stage_id) {
    std::int64_t top[2] = {0, 0}, peak[2] = {0, 0};
    for (const int s : members) {
      stage[s] = stage_id;
      const int k = odd[s];
      plan.update_at[s] = top[k];
      top[k] += static_cast<std::int64_t>(plan.shape(s).update_size());
      peak[k] = std::max(peak[k], top[k]);
      for (int c = plan.child_begin[s]; c < plan.child_begin[s + 1]; ++c)
        if (stage[plan.child[c]] == stage_id)
          top[1 - k] -= static_cast<std::int64_t>(plan.shape(plan.child[c]).update_size());
    }
    for (const int s : members) plan.update_at[s] += plan.workspace + (odd[s] ? peak[0] : 0);
    plan.workspace += peak[0] + peak[1];
  };
  int id = 0;
  for (const auto& task : plan.tasks) place(task, id++);
  place(plan.top, id);
}

}  // namespace

EntryPlan plan_entries(const BlockPattern& pattern, const PanelLayout& layout) {
  const int n = layout.n, panels = layout.num_panels();
  std::vector<std::int32_t> inverse(n), panel_of(n);
  for (int k = 0; k < n; ++k) inverse[layout.permutation[k]] = k;
  for (int s = 0; s < panels; ++s)
    for (int j = layout.first[s]; j < layout.first[s + 1]; ++j) panel_of[j] = s;
  EntryPlan out;
  out.begin.assign(static_cast<std::size_t>(panels) + 1, 0);
  const auto each = [&](const auto& body) {
    for (int j = 0; j < n; ++j)
      for (int k = pattern.col_begin[j]; k < pattern.col_begin[j + 1]; ++k) {
        const int a = inverse[pattern.row[k]], b = inverse[j];
        body(PanelEntry{
            k, std::max(a, b), std::min(a, b), a >= b ? pattern.row[k] : j, a >= b ? j : pattern.row[k], a < b});
      }
  };
  each([&](const PanelEntry& e) { ++out.begin[panel_of[e.col] + 1]; });
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  out.entry.resize(pattern.row.size());
  std::vector<std::int32_t> at(out.begin.begin(), out.begin.end() - 1), place(n, -1);
  each([&](const PanelEntry& e) { out.entry[at[panel_of[e.col]]++] = e; });
  for (int s = 0; s < panels; ++s) {
    const int first = layout.first[s], w = layout.width(s);
    for (int k = 0; k < w; ++k) place[first + k] = k;
    for (int k = 0; k < layout.below(s); ++k) place[layout.rows[layout.row_begin[s] + k]] = w + k;
    for (int k = out.begin[s]; k < out.begin[s + 1]; ++k) {
      out.entry[k].col -= first;
      out.entry[k].row = place[out.entry[k].row];
    }
  }
  return out;
}

CholeskyPlan plan_cholesky(const BlockPattern& pattern, std::shared_ptr<const PanelLayout> layout, int B) {
  CholeskyPlan plan;
  plan.layout = std::move(layout);
  plan.B = B;
  const PanelLayout& l = *plan.layout;
  const int panels = l.num_panels();
  plan.entries = plan_entries(pattern, l);
  plan.child_begin.assign(static_cast<std::size_t>(panels) + 1, 0);
  for (int s = 0; s < panels; ++s)
    if (l.parent[s] >= 0) ++plan.child_begin[l.parent[s] + 1];
  std::partial_sum(plan.child_begin.begin(), plan.child_begin.end(), plan.child_begin.begin());
  plan.child.resize(plan.child_begin.back());
  std::vector<std::int32_t> at(plan.child_begin.begin(), plan.child_begin.end() - 1), place(l.n, 0);
  for (int s = 0; s < panels; ++s)
    if (l.parent[s] >= 0) plan.child[at[l.parent[s]]++] = s;
  plan.relative.resize(l.rows.size());
  for (int p = 0; p < panels; ++p) {
    for (int k = 0; k < l.width(p); ++k) place[l.first[p] + k] = k;
    for (int k = 0; k < l.below(p); ++k) place[l.rows[l.row_begin[p] + k]] = l.width(p) + k;
    for (int c = plan.child_begin[p]; c < plan.child_begin[p + 1]; ++c)
      for (std::int64_t k = l.row_begin[plan.child[c]]; k < l.row_begin[plan.child[c] + 1]; ++k)
        plan.relative[k] = place[l.rows[k]];
    plan.largest_panel = std::max(plan.largest_panel, plan.shape(p).panel_size());
  }
  TreeCut cut = cut_tree(l, B);
  plan.tasks = std::move(cut.tasks);
  plan.top = std::move(cut.top);
  place_updates(plan, l.parent);
  return plan;
}

}  // namespace pipit
