#include "factor/symbolic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "factor/cholesky.h"
#include "factor/ordering.h"
#include "factor/test_systems.h"

namespace pipit {
namespace {

using testing::Edges;

const std::vector<std::pair<int, Edges>>& graphs() {
  static const std::vector<std::pair<int, Edges>> all = {
      {0, {}},
      {1, {}},
      {2, {}},
      {2, {{1, 0}}},
      {7, testing::chain(7)},
      {25, testing::grid(5)},
      {60, testing::random_loops(60, 40, 3)},
      {9, {{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 8}, {5, 8}, {6, 8}, {7, 8}}},  // star
      {12, {{0, 1}, {1, 2}, {4, 5}, {7, 8}, {8, 9}, {7, 9}}},                 // several components, lone blocks
  };
  return all;
}

// Level of fill by the definition, on a dense matrix of levels: elimination of k offers level(i,k) + level(k,j) + 1.
std::vector<std::vector<int>> brute_force(const BlockPattern& pattern,
                                          const std::vector<std::int32_t>& permutation,
                                          int level) {
  const int n = pattern.n, none = 1 << 20;
  std::vector<std::vector<int>> at(n, std::vector<int>(n, none));
  for (int j = 0; j < n; ++j)
    for (int i = j; i < n; ++i)
      if (pattern.find(permutation[i], permutation[j]) >= 0) at[i][j] = at[j][i] = 0;
  for (int k = 0; k < n; ++k)
    for (int i = k + 1; i < n; ++i)
      for (int j = k + 1; j < n; ++j)
        if (at[i][k] <= level && at[k][j] <= level) at[i][j] = std::min(at[i][j], at[i][k] + at[k][j] + 1);
  for (auto& row : at)
    for (int& lev : row) lev = lev <= level ? 1 : 0;
  return at;
}

TEST(Pattern, IsSortedUniqueAndHasItsDiagonal) {
  Random random(5);
  for (int trial = 0; trial < 20; ++trial) {
    const int n = 1 + static_cast<int>(random.below(30));
    Edges pairs;
    std::set<std::pair<int, int>> expected;
    for (int i = 0; i < n; ++i) expected.emplace(i, i);
    for (int k = 0; k < 60; ++k) {
      const auto i = static_cast<std::int32_t>(random.below(n)), j = static_cast<std::int32_t>(random.below(n));
      pairs.emplace_back(i, j);
      expected.emplace(std::max(i, j), std::min(i, j));
    }
    const BlockPattern pattern = make_pattern(n, pairs);
    ASSERT_EQ(pattern.num_blocks(), static_cast<int>(expected.size()));
    for (int j = 0; j < n; ++j) {
      EXPECT_EQ(pattern.row[pattern.col_begin[j]], j);
      EXPECT_TRUE(
          std::is_sorted(pattern.row.begin() + pattern.col_begin[j], pattern.row.begin() + pattern.col_begin[j + 1]));
      for (int i = 0; i < n; ++i) {
        const int k = pattern.find(i, j);
        EXPECT_EQ(k >= 0, expected.contains({std::max(i, j), std::min(i, j)}));
        if (k >= 0) {
          EXPECT_EQ(pattern.row[k], std::max(i, j));
        }
      }
    }
  }
}

TEST(Ordering, IsAPermutationAndTheSameEveryTime) {
  for (const auto& [n, edges] : graphs())
    for (const auto kind : {OrderingKind::Natural,
                            OrderingKind::Amd,
                            OrderingKind::NestedDissection,
                            OrderingKind::ReverseCuthillMcKee}) {
      const BlockPattern pattern = make_pattern(n, edges);
      std::vector<std::int32_t> permutation = order(pattern, kind);
      EXPECT_EQ(permutation, order(pattern, kind));
      std::sort(permutation.begin(), permutation.end());
      for (int k = 0; k < n; ++k) EXPECT_EQ(permutation[k], k) << name(kind);
    }
}

TEST(Ordering, SavesFillOnAFloorGraph) {
  const BlockPattern pattern = make_pattern(900, testing::grid(30));
  const auto flops = [&](OrderingKind kind) { return complete_layout(pattern, order(pattern, kind), 3).flops(3); };
  // A 30 x 30 grid row by row is a band of 30: about 900 * 30^2 block pairs. Minimum degree and nested dissection
  // need O(n^1.5) = 27,000; a factor of 3 leaves room for small separators and stored zeros.
  EXPECT_LT(3 * flops(OrderingKind::Amd), flops(OrderingKind::Natural));
  EXPECT_LT(3 * flops(OrderingKind::NestedDissection), flops(OrderingKind::Natural));
}

// Blocks below the diagonal of the exact factor: a column hands its rows to the first of them.
std::size_t factor_blocks(int n, const Edges& edges, OrderingKind kind) {
  const BlockPattern pattern = make_pattern(n, edges);
  const std::vector<std::int32_t> permutation = order(pattern, kind);
  std::vector<std::int32_t> inverse(n);
  for (int k = 0; k < n; ++k) inverse[permutation[k]] = k;
  std::vector<std::set<int>> rows(n);
  for (const auto& [i, j] : edges) rows[std::min(inverse[i], inverse[j])].insert(std::max(inverse[i], inverse[j]));
  std::size_t count = 0;
  for (int k = 0; k < n; ++k) {
    count += rows[k].size();
    if (rows[k].empty()) continue;
    const int first = *rows[k].begin();
    rows[first].insert(std::next(rows[k].begin()), rows[k].end());
  }
  return count;
}

// What nested dissection takes out beforehand costs nothing: chains, rings and trees fill no more than one block for
// each that they lose, a floor with blind alleys no more than the floor and the alleys; hubs are left to the rest.
TEST(Ordering, ChainsTreesAndHubsDoNotFill) {
  const auto fill = [](int n, const Edges& edges) { return factor_blocks(n, edges, OrderingKind::NestedDissection); };
  Edges ring = testing::chain(500), star, tree, bundle, floor = testing::grid(20), alleys = floor;
  ring.emplace_back(0, 499);
  for (int i = 1; i < 500; ++i) {
    star.emplace_back(0, i);
    tree.emplace_back((i - 1) / 2, i);
    if (i % 4 != 0) bundle.emplace_back(i, i + 1);  // chains of four poses, both ends tied to pose 0
    if (i % 4 < 2) bundle.emplace_back(0, i);
  }
  for (int i = 0; i < 400; ++i)  // behind every crossing a blind alley of three
    for (int k = 0; k < 3; ++k) alleys.emplace_back(k == 0 ? i : 399 + 3 * i + k, 400 + 3 * i + k);
  EXPECT_EQ(fill(500, testing::chain(500)), 499u);
  EXPECT_EQ(fill(500, ring), 499u + 498u);
  EXPECT_EQ(fill(500, tree), 499u);
  EXPECT_EQ(fill(500, star), 499u);
  EXPECT_LE(fill(501, bundle), 3u * 500u);
  // Ties are broken otherwise in the larger graph: a tenth.
  EXPECT_LE(static_cast<double>(fill(1600, alleys)), 1.1 * static_cast<double>(fill(400, floor)) + 1200);
}

// Every block that elimination fills stands in the layout, and the layout's tree and rows are consistent.
// A ring with trees on it goes by chains alone, without fill but for the one tie that closes the ring.
TEST(Ordering, ChainsAndTreesLeaveNoFill) {
  Edges edges;
  for (std::int32_t i = 0; i < 40; ++i) edges.emplace_back(i, (i + 1) % 40);
  for (std::int32_t i = 40; i < 100; ++i) edges.emplace_back(i, i - 40);  // branches, some of them on branches
  const BlockPattern pattern = make_pattern(100, edges);
  const auto permutation = order(pattern, OrderingKind::Amd);
  std::vector<std::vector<char>> filled(100, std::vector<char>(100, 0));
  for (int i = 0; i < 100; ++i)
    for (int j = 0; j < i; ++j) filled[i][j] = pattern.find(permutation[i], permutation[j]) >= 0;
  int fill = 0;
  for (int k = 0; k < 100; ++k)
    for (int i = k + 1; i < 100; ++i)
      for (int j = k + 1; j < i; ++j)
        if (filled[i][k] && filled[j][k] && !filled[i][j]) filled[i][j] = 1, ++fill;
  EXPECT_EQ(fill, 37);  // a cycle of 40 needs 40 - 3 chords, trees none
}

TEST(Layout, CompleteCoversBruteForceElimination) {
  for (const auto& [n, edges] : graphs())
    for (const auto kind : {OrderingKind::Natural, OrderingKind::Amd}) {
      const BlockPattern pattern = make_pattern(n, edges);
      const PanelLayout layout = complete_layout(pattern, order(pattern, kind), 3);
      ASSERT_EQ(layout.first.back(), n);
      const auto exact = brute_force(pattern, layout.permutation, n);
      for (int s = 0; s < layout.num_panels(); ++s) {
        const std::vector<std::int32_t> rows(layout.rows.begin() + layout.row_begin[s],
                                             layout.rows.begin() + layout.row_begin[s + 1]);
        EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
        EXPECT_TRUE(std::adjacent_find(rows.begin(), rows.end()) == rows.end());
        if (!rows.empty()) {
          EXPECT_GE(rows.front(), layout.first[s + 1]);
        }
        for (int j = layout.first[s]; j < layout.first[s + 1]; ++j)
          for (int i = layout.first[s + 1]; i < n; ++i)
            if (exact[i][j] == 1) {
              EXPECT_TRUE(std::binary_search(rows.begin(), rows.end(), i)) << i << " " << j;
            }
        const int p = layout.parent[s];
        ASSERT_EQ(p < 0, rows.empty());
        if (p < 0) continue;
        EXPECT_GE(rows.front(), layout.first[p]);
        EXPECT_LT(rows.front(), layout.first[p + 1]);
        for (const auto i : rows)
          EXPECT_TRUE(i < layout.first[p + 1] ||
                      std::binary_search(
                          layout.rows.begin() + layout.row_begin[p], layout.rows.begin() + layout.row_begin[p + 1], i));
      }
    }
}

// Without the joining of panels nothing but the exact fill is stored. B so large that a stored zero never pays.
TEST(Layout, FundamentalSupernodesStoreNoZero) {
  for (const auto& [n, edges] : graphs()) {
    const BlockPattern pattern = make_pattern(n, edges);
    const PanelLayout layout = complete_layout(pattern, order(pattern, OrderingKind::Amd), 1000);
    const auto exact = brute_force(pattern, layout.permutation, n);
    std::int64_t blocks = 0;
    for (int j = 0; j < n; ++j)
      for (int i = j; i < n; ++i) blocks += exact[i][j];
    EXPECT_EQ(layout.num_blocks(), blocks);
    EXPECT_EQ(layout.num_nonzero, blocks);
    const PanelLayout joined = complete_layout(pattern, order(pattern, OrderingKind::Amd), 3);
    EXPECT_EQ(joined.num_nonzero, blocks);  // joining stores zeros, which do not count
  }
}

TEST(Layout, ChainsBecomeWidePanels) {
  const BlockPattern pattern = make_pattern(1000, testing::chain(1000));
  const PanelLayout layout = complete_layout(pattern, order(pattern, OrderingKind::Amd), 3);
  // One panel per block would be 1000 calls of kernels made for more than 3 columns.
  EXPECT_LT(layout.num_panels(), 500);
}

TEST(Layout, IncompleteIsTheLevelOfFill) {
  for (const auto& [n, edges] : graphs())
    for (const int level : {0, 1, 2, 3, 1000}) {
      const BlockPattern pattern = make_pattern(n, edges);
      const PanelLayout layout = incomplete_layout(pattern, order(pattern, OrderingKind::Natural), level);
      const auto exact = brute_force(pattern, layout.permutation, level);
      ASSERT_EQ(layout.num_panels(), n);
      for (int j = 0; j < n; ++j) {
        std::vector<std::int32_t> expected;
        for (int i = j + 1; i < n; ++i)
          if (exact[i][j] == 1) expected.push_back(i);
        EXPECT_EQ(std::vector<std::int32_t>(layout.rows.begin() + layout.row_begin[j],
                                            layout.rows.begin() + layout.row_begin[j + 1]),
                  expected)
            << "level " << level << " column " << j;
      }
    }
}

// Updates of panels that live at the same time never share memory: replay the plan and mark who owns what.
TEST(Plan, UpdatesThatLiveTogetherStandApart) {
  for (const int side : {5, 40, 70}) {
    const BlockPattern pattern = make_pattern(side * side, testing::grid(side));
    const auto layout =
        std::make_shared<const PanelLayout>(complete_layout(pattern, order(pattern, OrderingKind::Amd), 6));
    const CholeskyPlan plan = plan_cholesky(pattern, layout, 6);
    std::vector<std::int32_t> owner(static_cast<std::size_t>(plan.workspace), -1), turn;
    for (const auto& task : plan.tasks) turn.insert(turn.end(), task.begin(), task.end());
    turn.insert(turn.end(), plan.top.begin(), plan.top.end());
    ASSERT_EQ(static_cast<int>(turn.size()), layout->num_panels());
    if (side == 70) {
      EXPECT_GT(plan.tasks.size(), 1u) << "the large graph is meant to be split";
    }
    for (const int s : turn) {
      for (int k = plan.child_begin[s]; k < plan.child_begin[s + 1]; ++k) {
        const int c = plan.child[k];
        for (std::size_t i = 0; i < plan.shape(c).update_size(); ++i) ASSERT_EQ(owner[plan.update_at[c] + i], c);
      }
      for (std::size_t i = 0; i < plan.shape(s).update_size(); ++i) {
        ASSERT_EQ(owner[plan.update_at[s] + i], -1) << "panel " << s << " overwrites a living update";
        owner[plan.update_at[s] + i] = s;
      }
      for (int k = plan.child_begin[s]; k < plan.child_begin[s + 1]; ++k) {
        const int c = plan.child[k];
        for (std::size_t i = 0; i < plan.shape(c).update_size(); ++i) owner[plan.update_at[c] + i] = -1;
      }
    }
    // Two tasks share nothing, so that threads may run them at once.
    std::vector<std::int32_t> task_of(plan.workspace, -1);
    for (std::size_t t = 0; t < plan.tasks.size(); ++t)
      for (const int s : plan.tasks[t])
        for (std::size_t i = 0; i < plan.shape(s).update_size(); ++i) {
          auto& mark = task_of[plan.update_at[s] + i];
          ASSERT_TRUE(mark == -1 || mark == static_cast<int>(t));
          mark = static_cast<std::int32_t>(t);
        }
  }
}

}  // namespace
}  // namespace pipit
