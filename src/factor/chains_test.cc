#include "factor/chains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "factor/test_systems.h"

namespace pipit {
namespace {

using testing::Edges;

// The same graph with its blocks numbered at random.
Edges shuffled(int n, Edges edges, std::uint64_t seed) {
  std::vector<std::int32_t> name(static_cast<std::size_t>(n));
  std::iota(name.begin(), name.end(), 0);
  Random random(seed);
  for (std::size_t k = name.size(); k > 1; --k) std::swap(name[k - 1], name[random.below(k)]);
  for (auto& [i, j] : edges) i = name[i], j = name[j];
  return edges;
}

Edges ring(int n) {
  Edges edges = testing::chain(n);
  edges.emplace_back(0, n - 1);
  return edges;
}

Edges tree(int n, std::uint64_t seed) {
  Edges edges;
  Random random(seed);
  for (int i = 1; i < n; ++i) edges.emplace_back(static_cast<std::int32_t>(random.below(i)), i);
  return edges;
}

// Block 0 with `arms` paths of `length` blocks.
Edges star(int arms, int length) {
  Edges edges;
  for (int a = 0; a < arms; ++a)
    for (int k = 0; k < length; ++k) edges.emplace_back(k == 0 ? 0 : a * length + k, a * length + k + 1);
  return edges;
}

Edges clique(int n) {
  Edges edges;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j) edges.emplace_back(i, j);
  return edges;
}

// Any graph at all: sparse enough to have chains, with lone blocks and small parts.
Edges anything(int n, int count, std::uint64_t seed) {
  Edges edges;
  Random random(seed);
  for (int k = 0; k < count; ++k) {
    const auto i = static_cast<std::int32_t>(random.below(n)), j = static_cast<std::int32_t>(random.below(n));
    if (i != j) edges.emplace_back(i, j);
  }
  return edges;
}

// Every step against elimination by the definition, on sets of neighbours that know where each edge stands.
void expect_elimination(const BlockPattern& pattern, const Chains& chains) {
  const int n = pattern.n;
  std::vector<std::map<int, int>> at(static_cast<std::size_t>(n));
  for (int j = 0; j < n; ++j)
    for (int k = pattern.col_begin[j] + 1; k < pattern.col_begin[j + 1]; ++k)
      at[pattern.row[k]][j] = at[j][pattern.row[k]] = k;
  std::vector<char> gone(static_cast<std::size_t>(n), 0);
  int places = pattern.num_blocks();
  for (const ChainStep& step : chains.steps) {
    ASSERT_TRUE(step.block >= 0 && step.block < n && !gone[step.block]);
    const std::map<int, int> neighbours = at[step.block];
    ASSERT_LE(neighbours.size(), static_cast<std::size_t>(kMostEnds));
    ASSERT_EQ(step.num_ends, static_cast<int>(neighbours.size()));
    int k = 0;
    for (auto it = neighbours.rbegin(); it != neighbours.rend(); ++it, ++k) {  // the largest first
      EXPECT_EQ(step.end[k], it->first);
      EXPECT_EQ(step.edge[k], it->second);
      EXPECT_LE(at[it->first].size(), 64u);
      at[it->first].erase(step.block);
    }
    for (int j = 1; j < step.num_ends; ++j)
      for (int i = 0; i < j; ++i) {
        const int a = step.end[i], b = step.end[j];
        const int joined = at[a].contains(b) ? at[a][b] : places++;
        at[a][b] = at[b][a] = joined;
        EXPECT_EQ(step.joined[pair_of(i, j)], joined);
      }
    gone[step.block] = 1;
  }
  EXPECT_EQ(chains.num_edges, places);

  std::vector<std::int32_t> kept, number(static_cast<std::size_t>(n), -1);
  for (int i = 0; i < n; ++i)
    if (!gone[i]) number[i] = static_cast<std::int32_t>(kept.size()), kept.push_back(i);
  EXPECT_EQ(chains.kept, kept);
  Edges left;
  for (const std::int32_t i : kept)
    for (const auto& [j, place] : at[i]) left.emplace_back(number[i], number[j]);
  ASSERT_EQ(chains.rest, make_pattern(static_cast<int>(kept.size()), left));
  ASSERT_EQ(chains.origin.size(), chains.rest.row.size());
  for (int j = 0; j < chains.rest.n; ++j)
    for (int k = chains.rest.col_begin[j]; k < chains.rest.col_begin[j + 1]; ++k) {
      const int row = kept[chains.rest.row[k]], column = kept[j];
      EXPECT_EQ(chains.origin[k], row == column ? pattern.col_begin[row] : at[row][column]);
    }
  // Nothing was left that could have gone: a hub keeps what hangs on it, and what stays there keeps it a hub.
  for (const std::int32_t i : kept)
    EXPECT_TRUE(at[i].size() > kMostEnds ||
                std::any_of(at[i].begin(), at[i].end(), [&](const auto& e) { return at[e.first].size() > 64; }))
        << i;
}

Chains checked(int n, const Edges& edges) {
  const BlockPattern pattern = make_pattern(n, edges);
  Chains chains = contract_chains(pattern);
  expect_elimination(pattern, chains);
  return chains;
}

// Steps that wait for one another, at most: a step waits for those that had its block for an end.
int depth(int n, const Chains& chains) {
  std::vector<int> level(static_cast<std::size_t>(n), 0);
  int deepest = 0;
  for (const ChainStep& step : chains.steps) {
    const int own = level[step.block] + 1;
    deepest = std::max(deepest, own);
    for (int k = 0; k < step.num_ends; ++k) level[step.end[k]] = std::max(level[step.end[k]], own);
  }
  return deepest;
}

TEST(Chains, IsEliminationOnAnyGraph) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int n = 1 + static_cast<int>(random.below(80)), extra = static_cast<int>(random.below(60));
    checked(n, testing::random_loops(n, extra, seed));
    checked(n, shuffled(n, testing::random_loops(n, extra, seed), seed));
    checked(n, anything(n, 2 * extra, seed));
  }
  for (const int side : {1, 2, 3, 5, 20}) checked(side * side, testing::grid(side));
}

TEST(Chains, SmallestGraphs) {
  EXPECT_TRUE(checked(0, {}).steps.empty());
  EXPECT_EQ(checked(1, {}).steps.size(), 1u);
  EXPECT_EQ(checked(2, {}).steps.size(), 2u);
  EXPECT_EQ(checked(2, {{0, 1}}).steps.size(), 2u);
  EXPECT_EQ(checked(3, clique(3)).steps.size(), 3u);
  EXPECT_EQ(checked(4, clique(4)).steps.size(), 4u);
  EXPECT_EQ(checked(5, clique(5)).steps.size(), 0u);
}

// One edge too few to close a loop: nothing comes, and nothing stays. A ring closes one, and it, too, goes.
TEST(Chains, TreesAndRingsGoWholly) {
  for (const int n : {5, 30, 64}) {
    for (const Edges& edges : {testing::chain(n), tree(n, 7), shuffled(n, tree(n, 8), 9), star(n - 1, 1)}) {
      const Chains chains = checked(n, edges);
      EXPECT_TRUE(chains.kept.empty());
      EXPECT_EQ(chains.num_edges, 2 * n - 1);
    }
    EXPECT_TRUE(checked(n, shuffled(n, ring(n), 3)).kept.empty());
  }
}

// A loop between two blocks that stay is one edge, however many ways lead from one to the other.
TEST(Chains, ParallelWaysBecomeOneEdge) {
  for (const bool direct : {false, true}) {
    Edges edges = clique(5);  // 0..4 and 5..9 stay
    for (int i = 5; i < 10; ++i)
      for (int j = 5; j < i; ++j) edges.emplace_back(i, j);
    if (direct) edges.emplace_back(0, 5);
    for (int way = 0; way < 3; ++way)
      for (int k = 0; k <= 5; ++k) edges.emplace_back(k == 0 ? 0 : 9 + 5 * way + k, k == 5 ? 5 : 10 + 5 * way + k);
    const Chains chains = checked(25, edges);
    EXPECT_EQ(chains.kept, (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_EQ(chains.rest.num_blocks(), 10 + 10 + 10 + 1);
  }
}

TEST(Chains, HubsKeepWhatHangsOnThem) {
  EXPECT_EQ(checked(65, star(64, 1)).kept.size(), 0u);
  EXPECT_EQ(checked(66, star(65, 1)).kept.size(), 66u);
  EXPECT_EQ(checked(196, star(65, 3)).kept.size(), 66u);  // the arms go down to what touches the hub
  Edges closed = star(70, 2);                             // arms tied at their tips: triangles on the hub
  for (int a = 0; a < 35; ++a) closed.emplace_back(4 * a + 2, 4 * a + 4);
  checked(141, closed);
  checked(141, shuffled(141, closed, 4));
}

// Rounds of blocks that do not touch: of blocks numbered along the way every other goes, of blocks numbered at random
// a third at least (each that goes keeps back two). So log2 n or log_1.5 n = 1.71 log2 n rounds.
// Measured over seeds 1 to 5: 1.2 and 1.4 times log2 n at most.
TEST(Chains, LongLoopsAreShallow) {
  for (const int n : {100, 1000, 10000, 100000}) {
    const double rounds = std::log2(n);
    EXPECT_LE(depth(n, contract_chains(make_pattern(n, ring(n)))), rounds + 2) << n;
    for (const std::uint64_t seed : {1, 2, 3})
      EXPECT_LE(depth(n, contract_chains(make_pattern(n, shuffled(n, ring(n), seed)))), 1.71 * rounds + 2) << n;
    Edges tied = clique(5);  // a long way between two blocks that stay
    for (int i = 0; i < n - 4; ++i) tied.emplace_back(i == 0 ? 0 : i + 4, i == n - 5 ? 1 : i + 5);
    const Chains chains = contract_chains(make_pattern(n, tied));
    EXPECT_EQ(chains.kept.size(), 5u);
    EXPECT_LE(depth(n, chains), rounds + 2) << n;
  }
}

TEST(Chains, AreThoughtWorthwhileFromOneBlockInEight) {
  const auto has = [](int n, const Edges& edges) { return has_chains(make_pattern(n, edges)); };
  EXPECT_TRUE(has(1000, testing::chain(1000)));
  EXPECT_TRUE(has(1000, testing::random_loops(1000, 400, 1)));
  EXPECT_FALSE(has(400, testing::grid(20)));
  EXPECT_FALSE(has(20, clique(20)));
  const auto one_beside = [&](int others, int ties) {  // one block tied to a clique
    Edges edges = clique(others);
    for (int k = 0; k < ties; ++k) edges.emplace_back(k, others);
    return has(others + 1, edges);
  };
  EXPECT_TRUE(one_beside(7, 1));
  EXPECT_TRUE(one_beside(7, 2));
  EXPECT_FALSE(one_beside(7, 3));
  EXPECT_FALSE(one_beside(8, 2));
}

}  // namespace
}  // namespace pipit
